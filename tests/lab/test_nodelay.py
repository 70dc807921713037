"""A tunnel on which the JumpNode's sshd delays nothing, and one whose JumpNode is of an older enrolment: real sshds."""

from __future__ import annotations

import ctypes
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from backupjump.operations.enroll.jump_node import Accounts, set_up_script
from lab.admitted import LAPTOP_PORT, Admitted, admitted
from lab.attacker import listening
from lab.machines import DESKTOP_ADDRESS, RELOAD_SSHD, Machine
from program import until

pytestmark = [pytest.mark.lab, pytest.mark.needs_root]

PROGRAM = Path(sys.executable).with_name("backupjump")
SNIPPET = "/etc/ssh/sshd_config.d/backupjump.conf"
# As enrolment set a JumpNode up before tunnels asked for a session.
OLDER = f"sed -i 's/MaxSessions 1/MaxSessions 0/' {SNIPPET} && {RELOAD_SSHD}"
END = f"127.0.0.1:{LAPTOP_PORT}"
RUNNING = "ps -u tunnel -o stat=,comm= | awk '$1 !~ /^Z/ { print $2 }' | sort -u"
SLOW = "grants this tunnel no session"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Admitted]:
    with admitted(tmp_path_factory.mktemp("nodelay")) as running:
        yield running


@contextmanager
def opened(place: Admitted, said: str) -> Iterator[str]:
    """Have laptop's tunnel open by the program itself, once it has `said` these words; give all it said till then."""
    desktop, jump, _ = place.three
    # An sshd that has just been told to read its config anew is away for a moment.
    line = f"until {PROGRAM} tunnel open --for 1h; do sleep 0.2; done"
    with desktop.running(line, user="me") as tunnel:
        assert tunnel.stdout is not None
        heard = ""
        while said not in heard and (more := tunnel.stdout.readline()):
            heard += more
        assert said in heard
        assert END in listening(jump)
        yield heard
    until(lambda: END not in listening(jump), what="the end of the tunnel")


def finding(machine: Machine, user: str, check: str) -> dict[str, Any]:
    """Return what doctor finds there for one check."""
    findings: list[dict[str, Any]] = machine.run(f"{PROGRAM} doctor --json", user=user).json
    return next(each for each in findings if each["check"] == check)


def nodelays(jump: Machine) -> set[int]:
    """Return the TCP_NODELAY of each connection that an sshd of the JumpNode has with the Desktop."""
    network, found = Path(f"/proc/{jump.pid}/ns/net").readlink(), set()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended
            if (process / "ns/net").readlink() == network and (process / "comm").read_text().startswith("sshd"):
                found |= {value for each in (process / "fd").iterdir() for value in _nodelay(process, each)}
    return found


def _nodelay(process: Path, descriptor: Path) -> Iterator[int]:
    """Yield what holds for another process's socket, if it is one to the Desktop.  Source: pidfd_getfd(2)."""
    if not str(descriptor.readlink()).startswith("socket:"):
        return
    pid = os.pidfd_open(int(process.name))
    try:
        number = ctypes.CDLL(None, use_errno=True).syscall(438, pid, int(descriptor.name), 0)
    finally:
        os.close(pid)
    with socket.socket(fileno=number) as connection:
        if _peer(connection) == DESKTOP_ADDRESS:
            yield connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def _peer(connection: socket.socket) -> str:
    try:
        return str(connection.getpeername()[0]) if connection.family != socket.AF_UNIX else ""
    except OSError:
        return ""


def test_once_a_tunnel_stands_nothing_is_delayed_on_it_and_nothing_is_left_running_for_it(place: Admitted) -> None:
    desktop, jump, server = place.three

    with opened(place, "Ctrl-C closes it") as heard:
        until(lambda: nodelays(jump) == {1}, what="TCP_NODELAY")
        measured = finding(server, "backup", "tunnel.nodelay")
        until(lambda: jump.must(RUNNING).split() == ["sshd"], what="the session's end")
        ways_in = desktop.must("ls /tmp", user="me").split()

    assert SLOW not in heard
    assert (measured["verdict"], measured["fix"]) == ("ok", "")
    assert "its tunnel delays nothing" in measured["evidence"]
    assert [name for name in ways_in if name.startswith("bj-")] == []


def test_on_an_older_jump_node_a_tunnel_stands_too_and_doctor_says_what_it_costs_and_what_mends_it(
    place: Admitted,
) -> None:
    desktop, jump, server = place.three
    jump.must(OLDER)

    with opened(place, SLOW):
        assert nodelays(jump) == {0}
        measured = finding(server, "backup", "tunnel.nodelay")
    found = finding(desktop, "me", "tunnel.nodelay")

    assert (measured["verdict"], found["verdict"]) == ("warn", "warn")
    assert "holds messages back" in measured["evidence"]
    for each in (found, measured):
        jump.must(each["fix"].removeprefix("on the JumpNode, as root: "))
        with opened(place, "Ctrl-C closes it") as heard:
            until(lambda: nodelays(jump) == {1}, what="TCP_NODELAY")
        assert SLOW not in heard
        jump.must(f"rm /etc/ssh/sshd_config.d/00-backupjump-maxsessions.conf && {RELOAD_SSHD}")


def test_the_script_of_enrolment_brings_an_older_jump_node_up_to_date(place: Admitted) -> None:
    jump = place.three.jump
    jump.must(OLDER)

    said = jump.must("sh -s", paste=set_up_script(Accounts(), []))

    assert f"{SNIPPET}: written" in said
    assert "warning" not in said
    with opened(place, "Ctrl-C closes it") as heard:
        until(lambda: nodelays(jump) == {1}, what="TCP_NODELAY")
    assert SLOW not in heard
