"""Where everything of one job lies in the store. Paths only; the one effect is to make the folders."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

MARKER_NAME = "backupjump-store.json"
RESTORE_TEXT_NAME = "RESTORE-WITHOUT-BACKUPJUMP.txt"

_ID_TIME = "%Y-%m-%dT%H-%M-%SZ"
_ID = re.compile(r"(\d{4}-\d{2}-\d{2}T\d{2}-\d{2}-\d{2}Z)(?:-([1-9]\d{0,3}))?", re.ASCII)


@dataclass(frozen=True)
class JobFolder:
    """The folder STORE/DESKTOP/JOB and the paths in it. Nothing is made until `make` is called."""

    store: Path
    desktop: str
    job: str

    @property
    def path(self) -> Path:
        """STORE/DESKTOP/JOB."""
        return self.store / self.desktop / self.job

    @property
    def snapshots(self) -> Path:
        """The folder of published snapshots, one folder an id."""
        return self.path / "snapshots"

    @property
    def work(self) -> Path:
        """The folder of attempts under way or broken off, one folder an id."""
        return self.path / "work"

    @property
    def prepared(self) -> Path:
        """The tree of links that was made ahead of the next run, if there is one; no id, so no attempt."""
        return self.work / "prepared"

    @property
    def trash(self) -> Path:
        """The folder of what is about to be deleted."""
        return self.path / "trash"

    @property
    def lock(self) -> Path:
        """The file that `locked` locks; it is never deleted."""
        return self.path / "lock"

    @property
    def latest(self) -> Path:
        """The symlink to the newest good snapshot."""
        return self.path / "latest"

    @property
    def runs(self) -> Path:
        """One line of JSON for each run, append-only."""
        return self.path / "runs.jsonl"

    @property
    def marks(self) -> Path:
        """Holds, acks and when each snapshot was verified."""
        return self.path / "marks.json"

    def make(self) -> None:
        """Make the folders that are not there yet, each 0700; never the store itself."""
        for folder in (self.path.parent, self.path, self.snapshots, self.work, self.trash):
            folder.mkdir(mode=0o700, exist_ok=True)


def snapshot_id(at: datetime, *, sequence: int = 1) -> str:
    """Return the id of what is taken at an aware time: UTC, to the second, `-2` from the second on."""
    stem = at.astimezone(UTC).strftime(_ID_TIME)
    return stem if sequence == 1 else f"{stem}-{sequence}"


def read_id(text: str) -> tuple[datetime, int] | None:
    """Return the time and the sequence number that an id stands for, None when it is no id; they sort by age."""
    match = _ID.fullmatch(text)
    if match is None:
        return None
    try:
        return datetime.strptime(match[1], _ID_TIME).replace(tzinfo=UTC), int(match[2] or 1)
    except ValueError:
        return None
