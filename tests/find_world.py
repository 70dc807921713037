"""A job of which snapshots are taken by a real rsync, with the config that the commands need; no Desktop is reached."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from backupjump.config.models import Ownership
from backupjump.run import Status
from backupjump.store.layout import JobFolder
from backupjump.store.snapshots import Snapshot
from program import Said, backupjump
from store_world import AT, CONFIG, KEY, make_store, rsync_from, take

DAY = timedelta(days=1)


@dataclass
class Job:
    """A home on the Desktop, and where the store has it."""

    home: Path
    folder: JobFolder
    config: Path
    taken: list[Snapshot] = field(default_factory=list)

    def snap(self, status: Status = Status.OK, *, source: Path | None = None) -> str:
        """Take a snapshot of the home, or of `source`, as it is now, and return its id."""
        at = AT + len(self.taken) * DAY
        source = source or self.home
        fill = rsync_from(source)
        self.taken.append(take(self.folder, fill, sources=(str(source),), status=status, at=at).snapshot)
        return self.taken[-1].id

    def say(self, *words: str | Path) -> Said:
        """Type a command about the job."""
        return backupjump(self.config, *map(str, words))


def make_job(root: Path, *, store: Path | None = None, more: str = "") -> Job:
    """Make a home, a store and a config in the folder `root`; `more` are further lines of the job's file."""
    home = root / "desktop" / "me"
    home.mkdir(parents=True)
    folder = make_store(store or root / "store", ownership=Ownership.NATIVE)
    config = root / "backupjump.yaml"
    config.write_text(CONFIG.format(store=folder.store, state=root / "state", key=KEY))
    (root / "jobs").mkdir()
    (root / "jobs" / "nightly.yaml").write_text(f"desktop: desktop\nsources: [{home}]\n{more}")
    return Job(home, folder, config)
