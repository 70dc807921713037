"""What the control connection must never do: trust, guess, wait for ever, or fill our memory."""

from __future__ import annotations

import os
import signal
import socket
import time
from dataclasses import replace
from pathlib import Path
from threading import Timer

import fabric
import pytest

from backupjump.config.models import RouteKind
from backupjump.demo.lab import Lab
from backupjump.demo.process_tree import descendants
from backupjump.demo.sshd import make_key, public_key, sshd_program
from backupjump.errors import ConfigError, DesktopUnfit, HostKeyRefused, KeyRefused, LinkLost, Stopped, TunnelNotOpen
from backupjump.process import run, signals_as_exceptions, spawn
from backupjump.ssh.client_config import known_hosts
from backupjump.ssh.control import open_control
from backupjump.ssh.route import Route, prepare
from backupjump.whole_files import write_private_files
from lab.routes import BY_TUNNEL, WITHOUT_NESTED, route_in
from program import until

pytestmark = pytest.mark.lab


def with_pins(route: Route, *keys: str) -> Route:
    """Return `route` with `keys` pinned for the Desktop in place of its own, in known_hosts too."""
    assert route.target is not None
    pinned = replace(route, target=replace(route.target, host_keys=keys))
    write_private_files(pinned.folder, {"known_hosts": known_hosts(pinned.hops)})
    return pinned


def processes_that_name(path: Path) -> list[str]:
    """Return the command lines of all processes that have `path` in them."""
    lines = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if str(path) in line:
            lines.append(line)
    return lines


def test_nothing_of_the_users_own_ssh_and_fabric_is_obeyed(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.open_tunnel()
    route = route_in(lab, RouteKind.PROXYJUMP)
    canary = tmp_path / "canary"
    (tmp_path / ".ssh").mkdir(mode=0o700)
    trap = f'Match exec "touch {canary}"\n  ProxyCommand touch {canary}\nHost *\n  ProxyCommand touch {canary}\n'
    (tmp_path / ".ssh/config").write_text(trap)
    (tmp_path / ".fabric.py").write_text(f"from pathlib import Path\nPath({str(canary)!r}).touch()\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("FABRIC_RUN_ECHO", "1")
    monkeypatch.chdir(tmp_path)

    with open_control(route) as control:
        done = control.run(["echo", "hello"], timeout=30)

    assert done.stdout == b"hello\n"
    assert not canary.exists()
    fabric.Config()
    assert canary.exists(), "the trap would have caught an ordinary Fabric"


@pytest.mark.parametrize("kind", WITHOUT_NESTED)
def test_a_desktop_for_which_nothing_is_pinned_is_refused(lab: Lab, kind: RouteKind) -> None:
    lab.open_tunnel()

    with pytest.raises(HostKeyRefused, match=r"pinned:  \(none\)"):
        open_control(with_pins(route_in(lab, kind)))


def test_the_second_of_two_pinned_keys_of_one_type_is_good_too(lab: Lab) -> None:
    lab.open_tunnel()
    spare = public_key(make_key(lab.folder / "spare", comment="spare"))
    route = with_pins(route_in(lab, RouteKind.PROXYJUMP), spare, lab.desktop.host_key_public)

    with open_control(route) as control:
        assert control.run(["true"], timeout=30).status == 0


def test_a_pinned_key_of_another_type_is_refused(lab: Lab) -> None:
    lab.open_tunnel()
    run(["ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", str(lab.folder / "other")], timeout=30)
    route = with_pins(route_in(lab, RouteKind.LOCAL), public_key(lab.folder / "other"))

    with pytest.raises(HostKeyRefused, match="offered: SHA256:"):
        open_control(route)


def test_an_agent_is_not_asked(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.open_tunnel()
    route = route_in(lab, RouteKind.LOCAL)
    assert route.target is not None
    agent = lab.folder / "agent"
    with spawn(["ssh-agent", "-D", "-a", str(agent)]):
        until(agent.exists, what="the agent's socket")
        added = run(["ssh-add", str(lab.data_key)], environment={"SSH_AUTH_SOCK": str(agent)}, timeout=10)
        assert added.status == 0, added.stderr
        monkeypatch.setenv("SSH_AUTH_SOCK", str(agent))

        with pytest.raises(KeyRefused):
            open_control(replace(route, target=replace(route.target, identity_file=lab.hop_key)))


@pytest.mark.parametrize("stream", ["yes", "yes >&2"])
def test_a_desktop_that_floods_us_is_ended_and_the_next_word_still_gets_through(lab: Lab, stream: str) -> None:
    lab.open_tunnel()
    with open_control(route_in(lab, RouteKind.PROXYJUMP)) as control:
        started = time.monotonic()
        with pytest.raises(DesktopUnfit, match="more than 64 KiB"):
            control.run(["sh", "-c", stream], timeout=30)

        assert time.monotonic() - started < 10
        assert control.run(["echo", "still here"], timeout=30).stdout == b"still here\n"


def test_output_up_to_the_limit_arrives_whole(lab: Lab) -> None:
    lab.open_tunnel()
    with open_control(route_in(lab, RouteKind.PROXYJUMP)) as control:
        done = control.run(["sh", "-c", "head -c 65536 /dev/zero; head -c 65536 /dev/zero >&2"], timeout=30)

    assert (len(done.stdout), len(done.stderr)) == (65536, 65536)


@pytest.mark.parametrize("script", ["sleep 60", "sleep 60 & echo started", "exec <&- >&- 2>&-; sleep 60"])
def test_a_command_that_hangs_is_given_up_in_time(lab: Lab, script: str) -> None:
    lab.open_tunnel()
    with open_control(route_in(lab, RouteKind.PROXYJUMP)) as control:
        started = time.monotonic()
        with pytest.raises(LinkLost, match="desktop desktop did not answer a command within 1 s"):
            control.run(["sh", "-c", script], timeout=1)

        assert time.monotonic() - started < 5
        assert control.run(["echo", "still here"], timeout=30).stdout == b"still here\n"


@pytest.mark.parametrize("kind", BY_TUNNEL)
def test_a_link_that_breaks_under_a_command_is_lost(lab: Lab, kind: RouteKind) -> None:
    lab.open_tunnel()
    with open_control(route_in(lab, kind)) as control:
        cut = Timer(0.5, lab.jump.cut_connections)
        cut.start()
        started = time.monotonic()
        with pytest.raises(LinkLost):
            control.run(["sleep", "60"], timeout=30)

        assert time.monotonic() - started < 10
        cut.join()


def test_a_command_that_is_interrupted_is_left_at_once(lab: Lab) -> None:
    lab.open_tunnel()
    with open_control(route_in(lab, RouteKind.PROXYJUMP)) as control, signals_as_exceptions(Stopped, signal.SIGUSR1):
        Timer(0.5, os.kill, (os.getpid(), signal.SIGUSR1)).start()
        started = time.monotonic()
        with pytest.raises(Stopped):
            control.run(["sleep", "60"], timeout=60)

        assert time.monotonic() - started < 5


def test_the_deadline_holds_when_nothing_answers_in_the_tunnel(lab: Lab) -> None:
    route = route_in(lab, RouteKind.PROXYJUMP)
    with socket.create_server(("127.0.0.1", lab.tunnel_port)):
        started = time.monotonic()
        with pytest.raises(TunnelNotOpen, match="nothing answers through it in time"):
            open_control(route, deadline_seconds=2)

    assert time.monotonic() - started < 4


def test_closing_leaves_no_ssh_behind(lab: Lab) -> None:
    lab.open_tunnel()
    route = route_in(lab, RouteKind.PROXYJUMP)

    with open_control(route) as control:
        control.run(["true"], timeout=30)
        during = processes_that_name(route.config_file)

    assert len(during) == 1
    assert processes_that_name(route.config_file) == []


def test_a_key_with_a_passphrase_is_a_mistake_of_the_config(lab: Lab) -> None:
    route = route_in(lab, RouteKind.LOCAL)
    assert route.target is not None
    key = lab.folder / "locked"
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", str(key)], timeout=30)
    locked = replace(route, target=replace(route.target, identity_file=key))

    with pytest.raises(ConfigError, match="has a passphrase"):
        prepare(locked)
    lab.open_tunnel()
    with pytest.raises(ConfigError, match="can't be used as a private key"):
        open_control(locked)


@pytest.mark.parametrize("kind", WITHOUT_NESTED)
def test_a_desktop_that_lets_us_in_but_starts_no_command_is_named(lab: Lab, kind: RouteKind) -> None:
    config = lab.desktop.folder / "sshd_config"
    lab.desktop.stop()
    config.write_text(config.read_text() + "MaxSessions 0\n")
    with spawn([sshd_program(), "-D", "-f", str(config)]):
        until(lambda: listens(lab.desktop.port), what="the sshd without sessions")
        lab.open_tunnel()

        with open_control(route_in(lab, kind)) as control, pytest.raises(DesktopUnfit, match="starts no command"):
            control.run(["bj1", "probe"], timeout=30)


def test_how_long_a_desktop_takes_to_answer_is_measured_and_its_silence_has_an_end(lab: Lab) -> None:
    lab.open_tunnel()

    with open_control(route_in(lab, RouteKind.PROXYJUMP)) as control:
        measured = control.time_answers(seconds=0.1)
        for pid in descendants(lab.desktop.sshd.pid):
            os.kill(pid, signal.SIGSTOP)
        with pytest.raises(LinkLost):
            control.time_answers(seconds=0.1, late_seconds=0.3)

    assert measured.count >= 5
    assert 0 < measured.alone_seconds < 5


def listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
