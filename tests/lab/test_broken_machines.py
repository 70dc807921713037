"""Machines that somebody broke: doctor says which thing it is, and what it says to type mends it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lab.admitted import Admitted, admitted
from lab.machines import RELOAD_SSHD, Machine

pytestmark = [pytest.mark.lab, pytest.mark.needs_root]

PROGRAM = Path(sys.executable).with_name("backupjump")
ALL_ADDRESSES = "0.0.0.0"  # noqa: S104
_ELSEWHERE = re.compile(r"on the (JumpNode|Desktop)(, as root)?: (.*)", re.DOTALL)
# There is none on these machines; this one lets everybody.
_SUDO = """#!/usr/local/lib/as-root -I
import os, sys
os.setgid(0), os.setuid(0)
os.environ["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
os.execvp(sys.argv[1], sys.argv[1:])
"""


@dataclass(frozen=True)
class Fault:
    """What breaks a machine, and the checks of the Server's doctor, then of the Desktop's, that must say so."""

    machine: str
    line: str
    server: frozenset[str]
    desktop: frozenset[str] = frozenset()
    listens: str = "127.0.0.1"


FAULTS = {
    "GatewayPorts on, and no limits": Fault(
        "jump",
        f"echo GatewayPorts yes >>/etc/ssh/sshd_config && rm /etc/ssh/sshd_config.d/backupjump.conf && {RELOAD_SSHD}",
        frozenset({"tunnel.loopback", "jumpnode.sockets"}),
        listens=ALL_ADDRESSES,
    ),
    "a hop key without limits": Fault(
        "jump",
        "sed -i 's/^.* ssh-ed/ssh-ed/' /home/bjserver/.ssh/authorized_keys",
        frozenset({"jumpnode.other-port"}),
    ),
    "a home that others may write to": Fault(
        "desktop",
        "chgrp users /home/me && chmod g+w /home/me",
        frozenset({"desktop.login"}),
        frozenset({"account.modes"}),
    ),
    "an account that may not log in": Fault(
        "desktop",
        "usermod --shell /usr/sbin/nologin me",
        frozenset({"desktop.gate"}),
        frozenset({"account.shell"}),
    ),
    "a hop key that is gone": Fault(
        "jump",
        "sed -i /backupjump:hop/d /home/bjserver/.ssh/authorized_keys",
        frozenset({"jumpnode.login"}),
    ),
    "a data key that may come from anywhere": Fault(
        "desktop",
        """sed -i 's/from="[^"]*",//' /home/me/.ssh/authorized_keys""",
        frozenset(),
        frozenset({"account.line"}),
    ),
    "a tunnel key that opens the Server": Fault(
        "server",
        "cd /home/backup && sed -n 's/.*tunnel_key: \\(ssh-ed25519 [^ ,}]*\\).*/\\1 laptop/p' .config/backupjump/*.yaml"
        " >.ssh/authorized_keys && chown backup: .ssh/authorized_keys",
        frozenset({"server.authorized-keys"}),
    ),
    "no sshd on the Desktop": Fault(
        "desktop", "kill $(cat /run/sshd.pid)", frozenset({"tunnel.open"}), frozenset({"sshd.answers"})
    ),
}
SHORT_FORM = ("GatewayPorts on, and no limits",)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Admitted]:
    with admitted(tmp_path_factory.mktemp("broken")) as running:
        for machine in running.three:
            machine.must("cp /usr/bin/python3 /usr/local/lib/as-root && chmod 4755 /usr/local/lib/as-root")
            machine.must("cat >/usr/local/bin/sudo && chmod 755 /usr/local/bin/sudo", paste=_SUDO)
        yield running


def wrong(machine: Machine, user: str) -> dict[str, str]:
    """Return the fix of each check of doctor's that failed there."""
    said = machine.run(f"{PROGRAM} doctor --json", user=user)
    findings: list[dict[str, Any]] = said.json
    found = {finding["check"]: finding["fix"] for finding in findings if finding["verdict"] == "fail"}
    assert said.code == bool(found)
    return found


def carry_out(place: Admitted, machine: Machine, user: str, fix: str) -> None:
    """Type a fix as it is printed, on the machine that it names."""
    elsewhere = _ELSEWHERE.fullmatch(fix)
    if elsewhere:
        machine = {"JumpNode": place.three.jump, "Desktop": place.three.desktop}[elsewhere[1]]
        user, fix = "root" if elsewhere[2] or machine is place.three.jump else "me", elsewhere[3]
    machine.must(fix, user=user)


@pytest.mark.parametrize(
    "fault", [pytest.param(name, marks=() if name in SHORT_FORM else pytest.mark.long) for name in FAULTS]
)
def test_doctor_names_the_fault_and_its_fix_mends_it(place: Admitted, fault: str) -> None:
    desktop, _, server = place.three
    it = FAULTS[fault]
    getattr(place.three, it.machine).must(it.line)

    with place.tunnel_open(on=it.listens):
        named = wrong(server, "backup")
        assert set(named) >= it.server
        if it.desktop:
            named_there = wrong(desktop, "me")
            assert set(named_there) >= it.desktop
            for check in it.desktop:
                carry_out(place, desktop, "me", named_there[check])
        else:
            for check in it.server:
                carry_out(place, server, "backup", named[check])

    with place.tunnel_open():
        assert wrong(server, "backup") == {}


@pytest.mark.long
def test_where_another_file_opens_the_port_to_all_the_fix_fails_and_names_it(place: Admitted) -> None:
    _, jump, server = place.three
    other = jump.file("/etc/ssh/sshd_config.d/00-admin.conf")
    other.write_text("Match User tunnel\n  GatewayPorts yes\n")
    jump.must(RELOAD_SSHD)

    with place.tunnel_open(on=ALL_ADDRESSES):
        fix = wrong(server, "backup")["tunnel.loopback"].removeprefix("on the JumpNode, as root: ")
        said = jump.run(fix)
    other.unlink()
    jump.must(fix)

    assert said.code == 1
    assert "/etc/ssh/sshd_config.d/00-admin.conf:2:  GatewayPorts yes" in said.out
    with place.tunnel_open():
        assert wrong(server, "backup") == {}
