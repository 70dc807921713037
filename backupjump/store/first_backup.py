"""How far a job's first backup is, when it takes many sessions: one small file beside its attempts, until it is done.

A hint for people and no more: it may be lost or damaged, and then there is nothing to tell.
"""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from backupjump.store.layout import JobFolder

log = logging.getLogger(__name__)

_MOST_BYTES = 4096


@dataclass(frozen=True, kw_only=True)
class FirstBackup:
    """What has arrived of the Desktop's files, of how much, and on how many days something new did.

    `total_bytes` is None until rsync has told; it did so when it was `told_at_percent` through, and the higher that
    is the better the number. `last_day` is the last one on which something new arrived.
    """

    held_bytes: int
    total_bytes: int | None
    told_at_percent: int
    days: int
    last_day: str

    @property
    def percent(self) -> int | None:
        """The share that has arrived; 99 at the most, since all of it would be a snapshot."""
        return min(99, 100 * self.held_bytes // self.total_bytes) if self.total_bytes else None

    @property
    def nights_left(self) -> int | None:
        """How many more days like those until now it takes."""
        if not self.total_bytes or not self.held_bytes:
            return None
        return max(1, -(-(self.total_bytes - self.held_bytes) * self.days // self.held_bytes))


def advanced(
    before: FirstBackup | None, *, held_bytes: int, total_bytes: int | None, percent: int, day: date
) -> FirstBackup:
    """Return how far it is after a session on `day` that told `total_bytes` when it was `percent` through."""
    if before is None:
        before = FirstBackup(held_bytes=0, total_bytes=None, told_at_percent=0, days=0, last_day="")
    better = total_bytes is not None and (before.total_bytes is None or percent >= before.told_at_percent)
    further = held_bytes > before.held_bytes
    return FirstBackup(
        held_bytes=max(held_bytes, before.held_bytes),
        total_bytes=total_bytes if better else before.total_bytes,
        told_at_percent=percent if better else before.told_at_percent,
        days=before.days + (further and day.isoformat() != before.last_day),
        last_day=day.isoformat() if further else before.last_day,
    )


def read_first_backup(folder: JobFolder) -> FirstBackup | None:
    """Return what is known of the first backup of a job; None for nothing, or nothing that can be read."""
    try:
        with _file(folder).open("rb") as file:
            found = json.loads(file.read(_MOST_BYTES))
        first = FirstBackup(**{name: found[name] for name in FirstBackup.__dataclass_fields__})
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
    numbers = (first.held_bytes, first.told_at_percent, first.days, first.total_bytes or 0)
    return first if all(type(each) is int and each >= 0 for each in numbers) else None


def write_first_backup(folder: JobFolder, first: FirstBackup) -> None:
    """Keep `first`, in one step; the job's lock must be held. What fails is logged alone."""
    new = folder.path / ".first-backup.new"
    try:
        new.unlink(missing_ok=True)
        new.touch(mode=0o600)
        new.write_text(json.dumps(asdict(first)) + "\n", encoding="ascii")
        new.replace(_file(folder))
    except OSError as error:
        log.debug("how far the first backup is can't be kept: %s", error)


def forget_first_backup(folder: JobFolder) -> None:
    """Remove what was kept: the first snapshot is there."""
    with suppress(OSError):
        _file(folder).unlink()


def _file(folder: JobFolder) -> Path:
    return folder.path / "first-backup.json"
