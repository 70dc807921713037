"""What systemd hears of `serve` and of the agent: that they are ready, that they live, that they end; a real socket."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from backupjump.demo.lab import Lab
from backupjump.demo.process_tree import kill_tree
from program import argv, backupjump, until

pytestmark = pytest.mark.lab


class Systemd:
    """The end of the socket that a service manager has."""

    def __init__(self, listening: socket.socket, path: Path) -> None:
        self.path = path
        self.heard: list[str] = []
        self._listening = listening

    def hears(self, word: str, *, times: int = 1) -> None:
        """Return once it has heard `word` so often."""
        until(lambda: self._count(word) >= times, seconds=40, what=f"{word} at {self.path}")

    def _count(self, word: str) -> int:
        while True:
            try:
                self.heard += self._listening.recv(4096).decode().splitlines()
            except BlockingIOError:
                return self.heard.count(word)


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.setblocking(False)
        yield Systemd(listening, tmp_path / "notify")


def lives_and_ends(config: Path, systemd: Systemd, *words: str) -> int:
    """Run the service until it has said thrice that it lives, end it by TERM, and return its exit code."""
    environment = {**os.environ, "NOTIFY_SOCKET": str(systemd.path)}
    with subprocess.Popen(argv(config, *words), stdin=subprocess.DEVNULL, env=environment) as service:
        try:
            systemd.hears("READY=1")
            systemd.hears("WATCHDOG=1", times=3)
            service.send_signal(signal.SIGTERM)
            systemd.hears("STOPPING=1")
            return service.wait(30)
        finally:
            if service.poll() is None:
                kill_tree(service.pid, itself_too=True)


def test_systemd_hears_of_the_agent(lab: Lab, systemd: Systemd) -> None:
    code = lives_and_ends(lab.desktop_config(), systemd, "tunnel", "agent")

    assert (code, systemd.heard[0]) == (0, "READY=1")
    assert "STATUS=no backup yet" in systemd.heard


def test_systemd_hears_of_serve(lab: Lab, systemd: Systemd) -> None:
    text = f"desktop: desktop\nsources: [{lab.home}]\nschedule: {{every: day}}\n"
    config = lab.server_config(jobs={"nightly": text})
    assert backupjump(config, "store", "init").code == 0

    code = lives_and_ends(config, systemd, "serve")

    assert (code, systemd.heard[0]) == (143, "READY=1")
    assert "STATUS=0 running, 1 awaited" in systemd.heard
