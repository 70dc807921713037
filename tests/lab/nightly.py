"""A lab whose nightly job runs by the commands, into a store that has just been made."""

from __future__ import annotations

import json
from typing import Any

from backupjump.demo.lab import Lab
from backupjump.store.layout import JobFolder
from backupjump.store.snapshots import list_snapshots
from fingerprint import Print, fingerprint
from program import backupjump


class Nightly:
    """The config and the store of a lab with an open tunnel, and the job `nightly` in it."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.config = lab.server_config()
        self.job = self.config.parent / "jobs/nightly.yaml"
        self.plain = self.job.read_text()
        assert backupjump(self.config, "store", "init").code == 0
        self.folder = JobFolder(lab.store, "desktop", "nightly")
        lab.open_tunnel()

    def say(self, more: str) -> None:
        """Write the job's file with `more` lines."""
        self.job.write_text(f"{self.plain}\n{more}\n")

    def run(self, *, code: int = 0) -> dict[str, Any]:
        """Run the job and return its Run; it must end with `code`."""
        said = backupjump(self.config, "run", "nightly", "--json")
        assert said.code == code, said
        run: dict[str, Any] = json.loads(said.out)
        return run

    @property
    def ids(self) -> list[str]:
        """The job's snapshots, oldest first."""
        return [snapshot.id for snapshot in list_snapshots(self.folder)]

    @property
    def prints(self) -> dict[str, dict[str, Print]]:
        """A fingerprint of all that each snapshot has, by its id."""
        return {path.name: fingerprint(path) for path in self.folder.snapshots.iterdir()}
