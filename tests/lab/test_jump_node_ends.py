"""The JumpNode's script that takes lines out and ends a tunnel, run by the real sh against a real sshd."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

import pytest

from backupjump.demo.lab import Lab
from backupjump.demo.sshd import public_key
from backupjump.errors import LinkLost
from backupjump.operations.enroll.authorized_keys import TUNNEL, Mark, tunnel_line
from backupjump.operations.enroll.jump_node import Accounts
from backupjump.operations.enroll.jump_node_ends import drop_tunnels_script, revoke_script
from program import until

pytestmark = pytest.mark.lab

OLD, NEW = Mark(TUNNEL, "laptop", "0a0a0a0a"), Mark(TUNNEL, "laptop", "1b1b1b1b")


@dataclass(frozen=True)
class Ran:
    status: int
    said: str


def by_sh(script: str) -> Ran:
    done = subprocess.run(["sh", "-s"], input=script, capture_output=True, text=True, check=False, timeout=30)
    return Ran(done.returncode, done.stdout + done.stderr)


def accounts(lab: Lab) -> Accounts:
    """Return the lab's one account in both roles; its keys are in a file of the lab."""
    return Accounts(tunnel=lab.user, hop=lab.user, keys_file=str(lab.jump.authorized_keys))


def strangers(lab: Lab) -> str:
    """Return lines that must never be touched: another machine's, another Server's Desktop, one that is off, junk."""
    key = public_key(lab.tunnel_key)
    return (
        f"{tunnel_line(Mark(TUNNEL, 'laptop2', '0a0a0a0a'), key, port=2020, expires=None)}\n"
        f"{tunnel_line(Mark(TUNNEL, 'laptop', '2c2c2c2c'), key, port=2021, expires=None)}\n"
        f"# {tunnel_line(OLD, key, port=2020, expires=None)}\n"
        "\n  \tgarbage \xff"
    )


def test_only_the_desktop_s_own_lines_go_and_the_one_that_is_named_stays(lab: Lab) -> None:
    keys, kept = lab.jump.authorized_keys, strangers(lab)
    lines = {mark: tunnel_line(mark, public_key(lab.tunnel_key), port=2020, expires=None) for mark in (OLD, NEW)}
    keys.write_text(f"{lines[OLD]}\n{lines[NEW]}\n{kept}", encoding="latin-1")
    mode = keys.stat().st_mode

    first = by_sh(drop_tunnels_script(accounts(lab), port=2020, keep=NEW))
    after_first = keys.read_text(encoding="latin-1")
    again = by_sh(drop_tunnels_script(accounts(lab), port=2020, keep=NEW))
    last = by_sh(revoke_script(accounts(lab), "laptop", port=2020))

    assert (first.status, again.status, last.status) == (0, 0, 0)
    assert f"took out the line {OLD}" in first.said
    assert "warning: line 2 of" in first.said.replace("line 3 of", "line 2 of")
    assert "is there" in again.said
    assert after_first == f"{lines[NEW]}\n{kept}\n"
    assert f"took out the line {NEW}" in last.said
    assert keys.read_text(encoding="latin-1") == f"{kept}\n"
    assert keys.stat().st_mode == mode


@pytest.mark.needs_root  # sshd hides its open files from its own account
def test_a_revoked_desktop_s_tunnel_ends_and_does_not_come_back_while_others_stand(lab: Lab) -> None:
    standing = lab.open_tunnel()
    mark = Mark(TUNNEL, "laptop", "0a0a0a0a")
    line = tunnel_line(mark, public_key(lab.tunnel_key), port=lab.tunnel_port, expires=None)
    lab.jump.authorized_keys.write_text(f"{line}\n")

    done = by_sh(revoke_script(accounts(lab), "laptop", port=lab.tunnel_port))
    again = by_sh(revoke_script(accounts(lab), "laptop", port=lab.tunnel_port))

    assert f"port {lab.tunnel_port}: ended the tunnel that stood" in done.said
    assert f"port {lab.tunnel_port}: no tunnel stands" in again.said
    with pytest.raises(LinkLost):
        standing.await_end(10)
    until(lambda: lab.jump.sshd.poll() is None, what="the JumpNode's sshd goes on")
