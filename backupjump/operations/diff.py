"""Diff: what is another one in a snapshot than in another, the folders with the most of it first."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from backupjump.errors import StoreError
from backupjump.operations.prune import store_zone
from backupjump.operations.snapshot_paths import ancestors, desktop_path, entry_json, path_json, under, unknown_path
from backupjump.run import utc_now
from backupjump.store.changes import Change, Moves, changes, differing
from backupjump.store.find import find_snapshot
from backupjump.store.folder_changes import Changes, summed
from backupjump.store.in_use import in_use
from backupjump.store.manifest import find_entry, read_lines, read_manifest
from backupjump.store.snapshots import checked, list_snapshots

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from backupjump.operations.site import Site
    from backupjump.store.changes import Pair
    from backupjump.store.snapshots import Snapshot

_TOLD_EVERY = 4096


@dataclass(frozen=True, kw_only=True)
class Diff:
    """What differs at and below `path` between two snapshots of a job; to be read within the block that gave it."""

    job: str
    before: Snapshot
    after: Snapshot
    path: bytes
    moves: Moves
    on_progress: Callable[[int], object]

    def changes(self) -> Iterator[Change]:
        """Yield all changes, in a manifest's order: a folder, then what is in it. Both manifests are read anew."""
        return changes(_pairs(self.before, self.after, self.path, self.on_progress), self.moves)

    def summary(self) -> Changes:
        """Return the changes in numbers."""
        return summed(self.changes())


@contextmanager
def compared(
    site: Site,
    job_name: str,
    before: str,
    after: str,
    path: str = "/",
    *,
    on_progress: Callable[[int], object] = lambda _lines: None,
) -> Iterator[Diff]:
    """Give what differs between two snapshots of a job, each named as everywhere; no prune takes them within the block.

    `on_progress` is told now and then how many lines of a manifest have been read. Raises UsageError for an
    unknown job, snapshot or path, StoreError for a manifest that is damaged.
    """
    job, wanted = site.job(job_name), desktop_path(path)
    zone, snapshots = store_zone(site), list_snapshots(site.folder_of(job))
    old, new = (find_snapshot(snapshots, each, now=utc_now(), zone=zone) for each in (before, after))
    with in_use(old.path), in_use(new.path):
        for each in (old, new):
            if problem := checked(each).problem:
                raise StoreError(f"{each.id} can't be compared: {problem}", hint="compare with another snapshot")
        if not any(_has(each, wanted) for each in (old, new)):
            raise unknown_path(wanted, read_manifest(new.manifest), job=job.name, told="neither snapshot has")
        moves = Moves(_pairs(old, new, wanted, on_progress))
        yield Diff(job=job.name, before=old, after=new, path=wanted, moves=moves, on_progress=on_progress)


def change_json(change: Change) -> dict[str, Any]:
    """Return a change as JSON values; the keys are API."""
    return {
        **path_json(change.path),
        "what": change.what,
        "now": entry_json(change.now) if change.now is not None else None,
        "before": entry_json(change.before) if change.before is not None else None,
    }


def _has(snapshot: Snapshot, path: bytes) -> bool:
    above = {folder for source in snapshot.sources for folder in ancestors(os.fsencode(source.lstrip("/")))}
    return not path or path in above or find_entry(snapshot.manifest, path) is not None


def _pairs(before: Snapshot, after: Snapshot, path: bytes, on_progress: Callable[[int], object]) -> Iterator[Pair]:
    for old, new in differing(read_lines(before.manifest), _counted(read_lines(after.manifest), on_progress)):
        there = new or old
        if there is not None and (there.path == path or under(there.path, path)):
            yield old, new


def _counted(lines: Iterator[str], on_progress: Callable[[int], object]) -> Iterator[str]:
    for number, line in enumerate(lines):
        if not number % _TOLD_EVERY:
            on_progress(number)
        yield line
