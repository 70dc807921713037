"""Route nested by a relay: the JumpNode's forced command leads one key to one Desktop, and evaluates nothing."""

from __future__ import annotations

import json
import shlex

import pytest

from backupjump.config.load import load_server
from backupjump.demo.lab import Lab
from backupjump.demo.sshd import public_key, write_private
from backupjump.errors import DesktopUnfit
from backupjump.process import Completed, run
from backupjump.ssh.control import open_control
from backupjump.ssh.route import Route, data_host, prepare, route_to
from lab.gated import gated, published
from program import backupjump

pytestmark = pytest.mark.lab


def relayed(lab: Lab) -> Route:
    """Return the way to the lab's Desktop by the relay, its files written."""
    server = load_server(lab.server_config("nested", relay=True))
    route = route_to(server.desktops["desktop"], server, folder=lab.state / "routes/desktop")
    prepare(route)
    return route


def by_relay(route: Route, *words: str, options: tuple[str, ...] = ()) -> Completed:
    """Ask what a Server's ssh can ask for: `words` as they are, joined by spaces."""
    return run(("ssh", "-F", str(route.config_file), *options, "--", data_host(route), *words), timeout=30)


ATTACKS = (
    "rsync --server --sender -logDtpre.iLsfxCIvu . /$(touch PWN)/",
    "bj1 probe; touch PWN",
    "bj1 probe && touch PWN",
    "bj1 probe\ntouch PWN",
    "`touch PWN`",
    "'; touch PWN; '",
    '"; touch PWN; "',
    "-oProxyCommand=touch\tPWN other",
    "-oProxyCommand='touch PWN' other bj1 probe",
    "-W 127.0.0.1:22 other",
    "-- other touch PWN",
    "ssh other touch PWN",
    "/bin/sh -c 'touch PWN'",
    "sh",
)


def test_a_pull_arrives_by_the_relay_from_a_source_that_would_mean_something_to_a_shell(lab: Lab) -> None:
    world = gated(lab)
    odd = world.home / "$(touch PWN); touch PWN' \"*\\é"
    odd.mkdir()
    (odd / "file").write_text("mine")
    job = json.dumps({"desktop": "desktop", "sources": [str(odd)]})
    config = lab.server_config("nested", relay=True, jobs={"nightly": job})
    assert backupjump(config, "store", "init").code == 0
    lab.open_tunnel()

    ran = backupjump(config, "run", "nightly", "--json")

    assert (ran.json["status"], ran.json["files_total"]) == ("ok", 1)
    assert len(published(lab)) == 1
    assert list(lab.folder.rglob("PWN")) == []


def test_whatever_is_asked_of_the_relay_reaches_this_desktops_gate_as_it_is_and_is_refused_there(lab: Lab) -> None:
    gated(lab)
    lab.open_tunnel()
    route = relayed(lab)

    ends = {attack: by_relay(route, attack) for attack in ATTACKS}

    assert {attack: (done.status, done.stdout) for attack, done in ends.items()} == dict.fromkeys(ATTACKS, (64, b""))
    assert all(b"backupjump-gate: refused: " in done.stderr for done in ends.values())
    assert list(lab.folder.rglob("PWN")) == []


def test_the_key_of_a_relay_gets_no_shell_no_terminal_and_no_forwarding_on_the_jump_node(lab: Lab) -> None:
    gated(lab)
    lab.open_tunnel()
    route = relayed(lab)
    (lab.folder / "forwards").write_text(route.config_file.read_text().replace("ClearAllForwardings yes", ""))
    forwards = ("-F", str(lab.folder / "forwards"), "-o", "ExitOnForwardFailure=yes")

    shell = by_relay(route)
    terminal = by_relay(route, "bj1 probe", options=("-tt",))
    through = by_relay(route, options=("-W", f"127.0.0.1:{lab.tunnel_port}"))
    back = run(
        ("ssh", *forwards, "-R", f"127.0.0.1:{lab.tunnel_port + 1}:127.0.0.1:22", "-N", data_host(route)), timeout=30
    )
    sftp = by_relay(route, "sftp", options=("-s",))

    assert (shell.status, b"no-command" in shell.stderr) == (64, True)
    assert b"PTY allocation request failed" in terminal.stderr
    assert (through.status, b"administratively prohibited" in through.stderr) == (255, True)
    assert (back.status, b"remote port forwarding failed" in back.stderr) == (255, True)
    assert (sftp.status, sftp.stdout) == (64, b"")


def test_a_key_that_has_a_shell_on_the_jump_node_after_all_never_backs_up_the_jump_node(lab: Lab) -> None:
    gated(lab)
    lab.open_tunnel()
    route = relayed(lab)
    write_private(lab.jump.authorized_keys, f"restrict {public_key(lab.relayed_key)}\n")

    with pytest.raises(DesktopUnfit) as caught:
        open_control(route)

    assert str(caught.value).startswith(
        "no gate answers behind the relay to desktop desktop on JumpNode jumpnode (exit "
    )
    assert 'must begin with: restrict,command="exec ssh -T ' in caught.value.hint


def test_the_printed_config_leads_a_person_to_the_desktop_by_its_name(lab: Lab) -> None:
    gated(lab)
    lab.open_tunnel()
    config = lab.server_config("nested", relay=True)

    printed = lab.folder / "printed"
    printed.write_text(backupjump(config, "ssh-config").out)

    done = run(("ssh", "-F", str(printed), "bj-desktop", shlex.join(["bj1", "probe"])), timeout=30)
    assert json.loads(done.stdout)["roots"]


def test_behind_a_relay_the_verdicts_name_the_machine(lab: Lab) -> None:
    gated(lab)
    config = lab.server_config("nested", relay=True)
    assert backupjump(config, "store", "init").code == 0

    away = backupjump(config, "run", "nightly", "--json")
    lab.open_tunnel()
    write_private(lab.desktop.authorized_keys, "")
    refused = backupjump(config, "run", "nightly", "--json")

    assert (away.code, away.json["error"]["code"]) == (75, "tunnel-not-open")
    assert (refused.code, refused.json["error"]["code"]) == (1, "key-refused")
    assert "does not accept the JumpNode's key" in refused.json["error"]["message"]
