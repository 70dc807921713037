"""What doctor on the Server makes of what JumpNodes and Desktops said."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backupjump.config.models import Desktop, Job, JumpNode, Server
from backupjump.errors import (
    BackupjumpError,
    DesktopAway,
    ForwardRefused,
    HostKeyRefused,
    JumpNodeUnreachable,
    KeyRefused,
    TunnelNotOpen,
)
from backupjump.operations.doctor.finding import FAIL, OK, SKIP, WARN
from backupjump.operations.doctor.server_desktop import gate_findings, gate_line, job_findings, opening_findings
from backupjump.operations.doctor.server_jump_node import forward_findings, logged_in, no_login, shell_finding
from backupjump.operations.doctor.server_tunnel import look_from_outside, not_reached, port_finding
from backupjump.operations.doctor.trespass import Forwards, Way
from backupjump.operations.gate import DesktopTunnel, Gate
from backupjump.ssh.keys import fingerprint

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKuNLFqluA2BL5C/kUU5vwpExeaOsYSI19FeROzUpawc"
OTHER = KEY.replace("KuNL", "KuNM")
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
RSYNC = "rsync  version {}  protocol version 32\n"


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "hop"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    return path


def node(key: Path, *, name: str = "jump", host: str = "jump.example", host_key: str = KEY) -> JumpNode:
    given = {"name": name, "host": host, "user": "bjserver", "identity_file": key, "host_key": host_key}
    return JumpNode.model_validate(given)


def desktop(key: Path, name: str = "laptop", **more: object) -> Desktop:
    given = {"name": name, "jump_node": "jump", "port": 2020, "user": "me", "identity_file": key, "host_key": OTHER}
    return Desktop.model_validate({**given, **more})


def server(nodes: list[JumpNode], desktops: list[Desktop]) -> Server:
    empty = Server.model_validate({"store": {"path": "/srv"}})
    by_name = {"jump_nodes": {each.name: each for each in nodes}, "desktops": {each.name: each for each in desktops}}
    return empty.model_copy(update=by_name)


@pytest.mark.parametrize(
    ("error", "verdicts", "fix"),
    [
        (
            JumpNodeUnreachable("connect to host: Connection refused"),
            {"reach": FAIL},
            "systemctl start ssh || service ssh start",
        ),
        (JumpNodeUnreachable("Could not resolve hostname jump"), {"reach": FAIL}, "getent hosts jump.example"),
        (HostKeyRefused("another"), {"reach": OK, "host-key": FAIL}, "backupjump enroll repin jump"),
        (KeyRefused("denied"), {"reach": OK, "host-key": OK, "login": FAIL}, ">> ~bjserver/.ssh/authorized_keys"),
        (BackupjumpError("?"), {"reach": OK, "login": FAIL}, "ssh -v -N -p 22 bjserver@jump.example"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_login_that_failed_is_told_with_how_far_it_went(
    key: Path, error: BackupjumpError, verdicts: dict[str, str], fix: str
) -> None:
    found = list(no_login(node(key), [desktop(key)], error))

    assert {each.check: each.verdict for each in found} == {f"jumpnode.{name}": each for name, each in verdicts.items()}
    assert fix in found[-1].fix
    assert "\n" not in found[-1].fix


def test_the_line_for_a_jump_node_that_does_not_know_our_key_is_the_one_of_enrolment(key: Path, tmp_path: Path) -> None:
    fix = list(no_login(node(key), [desktop(key, port=4000)], KeyRefused("denied")))[-1].fix
    file = tmp_path / "authorized_keys"
    command = fix.partition(": ")[2].partition(" && ")[0].replace("~bjserver/.ssh/authorized_keys", str(file))

    subprocess.run(["sh", "-c", command], check=True)

    (line,) = file.read_text().splitlines()
    assert line.startswith('restrict,port-forwarding,permitopen="127.0.0.1:2020"')
    assert 'permitopen="localhost:4000"' in line
    assert 'permitlisten="127.0.0.1:1" ssh-ed25519 ' in line


@pytest.mark.parametrize(
    ("said", "verdict", "fix"),
    [
        ("kex-strict-c-v00@openssh.com kex-strict-s-v00@openssh.com", OK, ""),
        ("kex-strict-c-v00@openssh.com", WARN, "on the JumpNode, as root: apt-get"),
        ("kex-strict-s-v00@openssh.com", WARN, "apt-get"),
    ],
)
def test_an_end_that_terrapin_works_on_is_amber(key: Path, said: str, verdict: str, fix: str) -> None:
    *_before, found = logged_in(node(key), Forwards(logged_in=True, said=said))

    assert (found.check, found.verdict) == ("jumpnode.strict-kex", verdict)
    assert found.fix.startswith(fix)


REFUSED = "debug1: Remote: Server has disabled port forwarding.\ndebug1: remote forward failure for: listen"
GRANTED = "debug1: remote forward success for: listen"
FAILED = "debug1: remote forward failure for: listen"


@pytest.mark.parametrize(
    ("said", "reached", "verdicts"),
    [
        ([REFUSED, REFUSED], [False, False], (OK, OK, OK)),
        ([GRANTED, REFUSED], [False, False], (FAIL, OK, OK)),
        ([REFUSED, FAILED], [False, False], (OK, OK, FAIL)),
        ([REFUSED, REFUSED], [True, False], (OK, FAIL, OK)),
        ([REFUSED, REFUSED], [False, True], (OK, OK, FAIL)),
        ([], [], (SKIP, SKIP, SKIP)),
    ],
)
def test_each_way_that_was_granted_is_red(
    key: Path, said: list[str], reached: list[bool], verdicts: tuple[str, str, str]
) -> None:
    listened = tuple(Way(to, granted=False) for to, _said in zip(("127.0.0.1:0", "/x/sock"), said, strict=False))
    opened = tuple(Way(to, granted=is_open) for to, is_open in zip(("127.0.0.1:22", "/run/s"), reached, strict=False))
    tried = Forwards(logged_in=True, said="\n".join(said), listened=listened, reached=opened)

    found = list(forward_findings(node(key), tried, mend="on the JumpNode, as root: mend"))

    assert tuple(each.verdict for each in found) == verdicts
    assert [each.check for each in found] == ["jumpnode.listen", "jumpnode.other-port", "jumpnode.sockets"]
    assert all(each.fix.startswith("on the JumpNode, as root: ") for each in found if each.verdict == FAIL)


def test_a_shell_is_red_and_on_route_nested_without_a_relay_amber(key: Path) -> None:
    nested = desktop(key, route="nested", allow_plaintext_at_jump=True, jump_alias="lap")

    red = shell_finding(node(key), ran=True, terminal=False, nested=None, mend="m")
    amber = shell_finding(node(key), ran=True, terminal=True, nested=nested, mend="m")
    terminal = shell_finding(node(key), ran=False, terminal=True, nested=None, mend="m")
    green = shell_finding(node(key), ran=False, terminal=False, nested=nested, mend="m")

    assert [each.verdict for each in (red, amber, terminal, green)] == [FAIL, WARN, FAIL, OK]
    assert "exec ssh -T " in amber.fix
    assert " -- lap " in amber.fix


def test_one_jump_node_by_two_names_is_found_out_by_its_host_key(key: Path) -> None:
    nodes = [node(key), node(key, name="alias", host="192.0.2.7"), node(key, name="far", host_key=OTHER)]
    one, same, far = desktop(key), desktop(key, "same", jump_node="alias"), desktop(key, "far", jump_node="far")
    revoked = desktop(key, "gone", jump_node="alias", revoked=True)
    told = {
        each.name: port_finding(each, each.ways[0], server(nodes, [one, same, far, revoked]), Path("/c"))
        for each in (one, same, far)
    }

    assert {name: each.verdict for name, each in told.items()} == {"laptop": FAIL, "same": FAIL, "far": OK}
    assert "laptop and same have one end" in told["laptop"].evidence
    assert told["laptop"].fix == "${EDITOR:-vi} /c"


def test_two_desktops_whose_tunnels_end_on_this_server_share_its_ports(key: Path) -> None:
    local = {"route": "local", "tunnel_ends_here": True, "jump_node": None}
    pair = [desktop(key, **local), desktop(key, "same", **local)]

    assert port_finding(pair[0], pair[0].ways[0], server([], pair), Path("/c")).verdict == FAIL
    assert port_finding(pair[0], pair[0].ways[0], server([], pair[:1]), Path("/c")).verdict == OK


@pytest.mark.parametrize(
    ("error", "check", "verdict", "fix"),
    [
        (TunnelNotOpen("connect failed"), "tunnel.open", WARN, "on the Desktop: backupjump tunnel open"),
        (
            DesktopAway("no sshd answers"),
            "tunnel.open",
            FAIL,
            "on the Desktop, as root: systemctl start ssh || service ssh start",
        ),
        (KeyRefused("denied"), "desktop.login", FAIL, "on the Desktop: backupjump doctor"),
        (ForwardRefused("prohibited"), "jumpnode.forward", FAIL, "on the JumpNode, as root: sed -i "),
        (HostKeyRefused("offered: SHA256:abc"), "desktop.host-key", FAIL, "backupjump enroll repin laptop"),
        (
            HostKeyRefused(f"offered: {fingerprint(KEY)}"),
            "desktop.host-key",
            FAIL,
            "on the JumpNode, as root: ss -ltnp",
        ),
    ],
)
def test_a_desktop_that_was_not_reached_is_told_with_who_stands_in_its_place(
    key: Path, error: BackupjumpError, check: str, verdict: str, fix: str
) -> None:
    found = list(not_reached(desktop(key), desktop(key).ways[0], server([node(key)], [desktop(key)]), error))[-1]

    assert (found.check, found.verdict) == (check, verdict)
    assert found.fix.startswith(fix)
    assert ("that is JumpNode jump" in found.evidence) == (fingerprint(KEY) in str(error))


def gate(*, rsync: str = "3.5.1", confines: bool = True, skew: timedelta = timedelta(0), state: str = "folder") -> Gate:
    return Gate(
        version=1, rsync_said=RSYNC.format(rsync), confines=confines, roots={"/home/me": state}, clock=NOW + skew,
        hooks=("dump",),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("answered", "bad"),
    [
        (gate(), {}),
        (gate(skew=timedelta(minutes=-5)), {}),
        (gate(confines=False), {"desktop.confines": WARN}),
        (gate(rsync="3.2.3"), {"desktop.rsync": FAIL}),
        (gate(skew=timedelta(minutes=6)), {"desktop.clock": WARN}),
        (gate(skew=timedelta(days=-400)), {"desktop.clock": WARN}),
    ],
)
def test_what_a_gate_answers_is_judged(key: Path, answered: Gate, bad: dict[str, str]) -> None:
    found = list(gate_findings(desktop(key), answered, now=NOW))

    assert {each.check: each.verdict for each in found if each.verdict != OK} == bad
    assert all(each.fix.startswith("on the Desktop, as root: ") for each in found if each.verdict != OK)


@pytest.mark.parametrize(
    ("sources", "hooks", "state", "bad"),
    [
        (["/home/me/photos"], ["dump"], "folder", set()),
        (["/home/me"], [], "absent", {"desktop.roots"}),
        (["/home/men"], ["dump", "undump"], "folder", {"desktop.roots", "desktop.hooks"}),
    ],
)
def test_what_a_job_asks_for_must_be_offered(sources: list[str], hooks: list[str], state: str, bad: set[str]) -> None:
    job = Job.model_validate({"name": "n", "desktop": "laptop", "sources": sources, "hooks": {"always": hooks}})

    found = list(job_findings(job, gate(state=state)))

    assert {each.check for each in found if each.verdict == FAIL} == bad


def test_a_hostile_gate_s_words_are_escaped(key: Path) -> None:
    job = Job.model_validate({"name": "n", "desktop": "laptop", "sources": ["/home/me"], "hooks": {"after": ["x"]}})
    lying = Gate(
        version=1, rsync_said="rsync  version 3.5.1\x1b[2J", confines=True, roots={"/home/me": "\x1b[31mfolder\n"},
        clock=NOW, hooks=("\x1b]0;owned\x07", "\u202egpj"),
    )  # fmt: skip

    found = [*gate_findings(desktop(key), lying, now=NOW), *job_findings(job, lying)]

    assert all(text.isprintable() for each in found for text in (each.evidence, each.fix))
    assert all("\u202e" not in each.evidence for each in found)


def test_the_command_for_a_gate_fills_in_what_only_the_desktop_knows(key: Path, tmp_path: Path) -> None:
    blob = key.with_suffix(".pub").read_text().split()[1]
    keys = tmp_path / ".ssh/authorized_keys"
    keys.parent.mkdir()
    keys.write_text(f'# {blob}\nssh-rsa AAAA me\nfrom="1.2.3.4" ssh-ed25519 {blob} server data\n')
    program = tmp_path / "bin/backupjump-gate"
    program.parent.mkdir()
    program.touch(0o755)
    path = f"{program.parent}:/usr/bin:/bin"

    subprocess.run(["sh", "-c", gate_line(desktop(key))], check=True, env={"HOME": str(tmp_path), "PATH": path})

    command = f"{program} --config {tmp_path}/.config/backupjump/backupjump.yaml"
    assert keys.read_text().splitlines()[2] == (
        f'restrict,from="127.0.0.1,::1",command="{command}" ssh-ed25519 {blob} server data'
    )
    assert keys.read_text().splitlines()[1] == "ssh-rsa AAAA me"


def test_the_outside_is_not_tried_where_the_jump_node_is_this_machine(key: Path) -> None:
    assert look_from_outside(node(key, host="localhost"), desktop(key), desktop(key).ways[0]).verdict == SKIP


@pytest.mark.parametrize(("every", "verdicts"), [("20h", [OK]), ("9d", [FAIL])])
def test_a_tunnel_that_stays_closed_when_a_job_is_due_is_an_error(every: str, verdicts: list[str]) -> None:
    daily = Job.model_validate({"name": "n", "desktop": "d", "sources": ["/home/me"], "schedule": {"every": "day"}})
    answered = replace(gate(), tunnel=DesktopTunnel(opens="when-due", every=every))

    assert [each.verdict for each in opening_findings(daily, answered, now=NOW)] == verdicts
    assert list(opening_findings(daily, gate(), now=NOW)) == []
