"""`run --wait`: how a Desktop is waited for, with real sshds whose logs tell who knocked."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from backupjump.demo.lab import Lab
from program import argv, backupjump, until

pytestmark = pytest.mark.lab


class Waiting:
    """A `run --wait` under way, and what it has said."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self._log = log

    def says(self, words: str) -> None:
        until(lambda: words in self._log.read_text(), seconds=30, what=f"{words!r} in {self._log.read_text()}")

    def ended(self) -> int:
        return self.process.wait(60)


@contextmanager
def waiting(lab: Lab, route: str = "proxyjump", *, wait: str = "2m") -> Iterator[Waiting]:
    """Have a run wait for a Desktop whose tunnel is not open."""
    (lab.home / "file").write_text("content")
    config = lab.server_config(route)
    assert backupjump(config, "store", "init").code == 0
    log = lab.folder / "run.log"
    with log.open("wb") as stderr:
        words = argv(config, "-v", "run", "nightly", "--wait", wait)
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stderr=stderr)
    try:
        run = Waiting(process, log)
        run.says("; waiting for ")
        yield run
    finally:
        process.kill()
        process.wait()


def knocks(lab: Lab) -> int:
    """How often the JumpNode has found nobody at the tunnel's end."""
    return lab.jump.log.read_text().count(f"connect_to 127.0.0.1 port {lab.tunnel_port}: failed")


def logins(lab: Lab) -> int:
    return lab.jump.log.read_text().count("Accepted publickey")


def test_a_desktop_is_waited_for_by_one_login_to_the_jump_node_however_often_it_is_asked(lab: Lab) -> None:
    with waiting(lab) as run:
        until(lambda: knocks(lab) >= 3, seconds=30, what="three knocks")
        before = logins(lab)
        lab.open_tunnel()
        run.says("nightly: reached desktop")
        code = run.ended()

    assert (before, code) == (2, 0)  # the first try, and the one that stands


def test_another_host_key_at_the_tunnel_s_end_ends_the_wait(lab: Lab) -> None:
    with waiting(lab) as run:
        lab.desktop.renew_host_key()
        lab.open_tunnel()

        assert run.ended() == 1


@pytest.mark.long
def test_a_jump_node_that_is_away_for_a_while_is_waited_for_too(lab: Lab) -> None:
    with waiting(lab) as run:
        until(lambda: logins(lab) == 2, what="the standing login")
        lab.jump.stop()
        run.says("JumpNode jumpnode can't be reached")
        lab.jump.start()
        lab.open_tunnel()
        run.says("nightly: reached desktop")

        assert run.ended() == 0


@pytest.mark.long
@pytest.mark.parametrize("route", ["local", "nested"])
def test_routes_without_a_standing_login_are_waited_for_too(lab: Lab, route: str) -> None:
    with waiting(lab, route) as run:
        lab.open_tunnel()

        assert run.ended() == 0


@pytest.mark.long
def test_a_wait_ends_when_its_time_is_over(lab: Lab) -> None:
    with waiting(lab, wait="8s") as run:
        assert run.ended() == 75
