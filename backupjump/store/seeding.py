"""What has arrived of a first backup that takes many sessions, as a snapshot: restorable, and no backup yet.

It is made like any other, at the end of a session, beside the attempt that the next session goes on from. Each
one takes the place of the one before, and the first good snapshot that of the last.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from backupjump.run import Run
from backupjump.store.attempts import free_id, write_note
from backupjump.store.failures import told_as_store_error
from backupjump.store.layout import JobFolder
from backupjump.store.marks import read_marks, write_marks
from backupjump.store.publish import publish_beside_attempts, record
from backupjump.store.record import Hashes
from backupjump.store.room import FLOOR, Need
from backupjump.store.snapshots import Snapshot, checked, list_snapshots, newest_seeding
from backupjump.store.staging import Staging
from backupjump.store.store import Store
from backupjump.store.trash import discard, throw_away
from backupjump.store.tree import walk
from backupjump.store.trees import TREES

log = logging.getLogger(__name__)

_MANIFEST_LINE_BYTES = 100


@dataclass(frozen=True)
class Told:
    """What rsync told of the content of files, by the tree that they came into, newest first."""

    tries: Sequence[tuple[Path, Hashes]]

    def get(self, path: bytes, /) -> str | None:
        """Return the hash of a path in the first tree that has it; None where that was not told there."""
        name = os.fsdecode(path)
        return next((hashes.get(path) for tree, hashes in self.tries if os.path.lexists(tree / name)), None)


def publish_seeding(
    store: Store, attempt: Staging, *, run: Run, hashes: Hashes, how: Mapping[str, Any], now: datetime
) -> Snapshot | None:
    """Publish what `attempt`, settled, and those before it have got whole, in place of what was published so before.

    Returns None where that has more than this. The attempts stay as good as they were, also after a
    StoreError, which leaves nothing behind; nothing is written where a store that is nearly full has no room for it.
    """
    folder, snapshots = attempt.folder, list_snapshots(attempt.folder)
    before = newest_seeding(snapshots)
    staging = Staging(
        id=free_id(folder, now),
        sequence=1 + max((each.sequence for each in snapshots), default=len(snapshots)),
        folder=folder,
        sources=attempt.sources,
        base=checked(before) if before is not None else None,
        last_good=None,
        older=(),
        kind=attempt.kind,
        publishes_seeding=True,
    )
    try:
        with told_as_store_error("what has arrived can't be published"):
            _check_room(store, attempt, files=before.files_total if before is not None else 0)
            staging.path.mkdir(mode=0o700)
            write_note(staging.path, run_id=run.run_id, sources=staging.sources)
            staging = TREES[staging.kind].seed(staging, attempt, hashes)
        recorded = record(store, staging, hashes=hashes)
        # An attempt that was doubted has on trial what the one before it had for sure.
        if recorded.listed.counts.files_deleted > recorded.listed.counts.files_new:
            log.info("%s/%s: %s has more than this attempt", folder.desktop, folder.job, before and before.id)
            return None
        snapshot = publish_beside_attempts(store, recorded, run=run, how=how).snapshot
    finally:
        with suppress(FileNotFoundError):
            discard(folder, staging.path)
    retire_superseded(folder, now=now)
    return snapshot


def superseded(snapshots: Sequence[Snapshot]) -> frozenset[str]:
    """Return the ids of the seeding ones that another snapshot has taken the place of: a newer one, or a good one.

    Pure.
    """
    seeding = [each.id for each in snapshots if each.is_seeding]
    return frozenset(seeding if any(each.is_good for each in snapshots) else seeding[:-1])


def unheld_seeding(folder: JobFolder, *, now: datetime) -> frozenset[str]:
    """Return the ids of the seeding snapshots of a job that nobody holds. Raises StoreError."""
    holds = read_marks(folder).holds
    seeding = (each.id for each in list_snapshots(folder) if each.is_seeding)
    return frozenset(id_ for id_ in seeding if id_ not in holds or not holds[id_].lasts(now))


def retire_superseded(folder: JobFolder, *, now: datetime) -> None:
    """Move seeding snapshots with a successor to the trash; one that is held, or read, stays. Raises StoreError."""
    going = superseded(list_snapshots(folder))
    if going and (free := going & unheld_seeding(folder, now=now)):
        retire(folder, free)


def retire(folder: JobFolder, ids: Collection[str]) -> tuple[str, ...]:
    """Move seeding snapshots to the trash, and forget what was said of them; one that somebody reads stays."""
    gone = throw_away(folder, ids)
    marks = read_marks(folder)
    if marks.without(gone) != marks:
        write_marks(folder, marks.without(gone))
    return gone


def _check_room(store: Store, attempt: Staging, *, files: int) -> None:
    """Raise StoreFull where folders and a manifest, of so many `files` at least, leave less than half of the floor."""
    names = folders = 0
    for found in walk(attempt.tree):
        names, folders = names + 1, folders + found.is_folder
    half = Need(bytes=FLOOR.bytes // 2, inodes=FLOOR.inodes // 2)
    store.check_floor(
        half + Need(bytes=max(names, files) * _MANIFEST_LINE_BYTES + folders * store.room.block, inodes=folders)
    )
