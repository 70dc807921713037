"""A lab with a store and an open tunnel, in which a fault comes at the right moment of a run."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from backupjump.demo.lab import Lab
from backupjump.demo.process_tree import descendants
from fingerprint import fingerprint
from program import argv, backupjump, until


class Place:
    """A lab with its store made and its tunnel open."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.config = lab.server_config()
        self._job = self.config.parent / "jobs/nightly.yaml"
        self._plain = self._job.read_text()
        assert backupjump(self.config, "store", "init").code == 0
        self.folder = lab.store / "desktop/nightly"
        lab.open_tunnel()

    def say(self, more: str) -> None:
        """Let the job say this besides."""
        self._job.write_text(f"{self._plain}\n{more}\n")

    def run(self, *, code: int = 0) -> dict[str, Any]:
        """Run the job to its end and return its Run."""
        said = backupjump(self.config, "run", "nightly", "--json")
        assert said.code == code, said
        run: dict[str, Any] = said.json
        return run

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        """Give a run that has begun to transfer; it is waited for at the end."""
        with subprocess.Popen(argv(self.config, "-q", "run", "nightly"), stdin=subprocess.DEVNULL) as run:
            try:
                until(lambda: self.arrived() > 500_000, seconds=60, what="the transfer")
                yield run
                run.wait(120)
            finally:
                run.kill()

    def arrived(self) -> int:
        """Return how many bytes lie in the work folder."""
        total = 0
        for folder, _, names in os.walk(self.folder / "work"):
            for name in names:
                with contextlib.suppress(FileNotFoundError):
                    total += (Path(folder) / name).lstat().st_blocks * 512
        return total

    def senders(self) -> set[int]:
        """Return the processes of the Desktop's rsync."""
        found = set()
        for pid in descendants(self.lab.desktop.sshd.pid):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                if Path(f"/proc/{pid}/comm").read_text().strip() == "rsync":
                    found.add(pid)
        return found

    def snapshots(self) -> dict[str, object]:
        """Return the fingerprint of every snapshot."""
        return {path.name: fingerprint(path) for path in (self.folder / "snapshots").iterdir()}

    def tree(self, run: dict[str, Any]) -> Path:
        """Return the source in a run's snapshot."""
        return self.folder / "snapshots" / run["snapshot"] / "tree" / self.lab.home.relative_to("/")
