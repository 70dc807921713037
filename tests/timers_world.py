"""A Server with jobs of each kind, and a systemctl and a crontab that write down what they are told."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from backupjump.operations.site import Site, open_site
from backupjump.operations.timers.plan import program
from backupjump.operations.timers.systemd import Manager
from store_world import CONFIG, KEY, make_store

_TELL = '#!/bin/sh\necho "$@" >>"{told}"\n'


@dataclass(frozen=True)
class World:
    """A config in `folder`, and a systemd of which only the way to talk to it is there."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "backupjump.yaml"

    @property
    def site(self) -> Site:
        return open_site(self.config)

    @property
    def program(self) -> str:
        """The words that start the program, as a shell reads them."""
        return shlex.join(program())

    @property
    def units(self) -> Path:
        return self.folder / "units"

    @property
    def told(self) -> list[str]:
        """What systemctl was told, a line a call."""
        file = self.folder / "told"
        return file.read_text().splitlines() if file.exists() else []

    def manager(self, *, runs: bool = True) -> Manager:
        return Manager(folder=self.units, systemctl=(str(self.folder / "systemctl"),), runs=runs)

    def job(self, name: str, *lines: str) -> None:
        text = "\n".join(["desktop: desktop", f"sources: [/home/{name}]", *lines])
        (self.folder / f"jobs/{name}.yaml").write_text(text + "\n")


def make_world(folder: Path) -> World:
    """Make a store, a config with a nightly job, one each 6 hours and one without a schedule, and the systemctl."""
    nightly = make_store(folder / "store")
    (folder / "backupjump.yaml").write_text(CONFIG.format(store=nightly.store, state=folder / "state", key=KEY))
    (folder / "jobs").mkdir()
    (folder / "systemctl").write_text(_TELL.format(told=folder / "told"))
    (folder / "systemctl").chmod(0o755)
    made = World(folder)
    made.job("nightly", 'schedule: {every: day, at: "02:30"}')
    made.job("often", "schedule: {every: 6 hours}")
    made.job("byhand")
    return made
