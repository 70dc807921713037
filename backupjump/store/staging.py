"""An attempt under way: a work folder with a tree to fill, what it builds on, and what broken-off attempts leave it.

How the tree comes to be depends on the store: hardlink.py or btrfs.py.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from backupjump.config.models import StoreKind
from backupjump.errors import BackupjumpError, SourceMissing, TransferFailed
from backupjump.run import utc_now
from backupjump.store import btrfs, hardlink
from backupjump.store.attempts import free_id, make_room, older_attempts, point_latest
from backupjump.store.failures import told_as_store_error
from backupjump.store.hardlink import MAX_LINK_DESTS
from backupjump.store.layout import JobFolder
from backupjump.store.snapshots import TREE_NAME, Snapshot, checked, list_snapshots, newest_good, newest_usable
from backupjump.store.store import Store
from backupjump.store.trash import discard
from backupjump.store.tree import walk

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Staging:
    """An attempt under way: a tree to fill, the snapshot it builds on, older attempts newest first.

    `base` is the newest snapshot that can be built on, a suspect one too; `last_good` is what the result is
    judged against, and the same one unless a suspect one awaits its `ack`. `sequence` is the number of the
    publication that this would be. `touched_since_ns` is of a tree that was the base's when it was made (a
    btrfs store): what has an older ctime still is what the base has.
    """

    id: str
    sequence: int
    folder: JobFolder
    sources: tuple[str, ...]
    base: Snapshot | None
    last_good: Snapshot | None
    older: tuple[Path, ...]
    made_for_partials: Mapping[Path, int] = field(default_factory=dict)
    kind: StoreKind = StoreKind.HARDLINK
    touched_since_ns: int = 0

    @property
    def path(self) -> Path:
        """The work folder, 0700; it becomes the snapshot's."""
        return self.folder.work / self.id

    @property
    def tree(self) -> Path:
        """The folder below which each source is to lie at its own path."""
        return self.path / TREE_NAME

    def link_dests(self, source: str) -> tuple[Path, ...]:
        """Return what rsync may link to for a source, best first, at most 20.

        Snapshots come first: with an attempt first, its shorter file would be the basis of a delta.
        Only folders that exist are named: rsync copies everything when one is missing.
        """
        snapshots = dict.fromkeys(each.path for each in (self.base, self.last_good) if each is not None)
        folders = (each / TREE_NAME / source.lstrip("/") for each in (*snapshots, *self.older))
        real = [folder for folder in folders if folder.is_dir() and not folder.is_symlink()]
        return tuple(real[:MAX_LINK_DESTS])


class _Trees(Protocol):
    """How the tree of an attempt comes to be in a store of one kind."""

    def useful_attempts(self, folder: JobFolder, base: Snapshot | None) -> tuple[Path, ...]: ...

    def begin(self, staging: Staging, *, run_id: str) -> Staging: ...


_TREES: Mapping[StoreKind, _Trees] = {StoreKind.HARDLINK: hardlink, StoreKind.BTRFS: btrfs}


def check_room(store: Store, folder: JobFolder) -> None:
    """Raise StoreFull, with nothing written, where a run would have no room to begin.

    A job whose broken-off attempts or trash fill the store passes: `stage` gives those up first.
    """
    with told_as_store_error("the job's folder can't be read"):
        given_up = [path for place in (folder.work, folder.trash) if place.is_dir() for path in place.iterdir()]
    if not given_up:
        store.check_room()


def stage(
    store: Store, folder: JobFolder, *, sources: Sequence[str], run_id: str, now: datetime | None = None
) -> Staging:
    """Make the work folder for one attempt; the job's lock must be held.

    Each source's own folder is there: in a hard-link store empty but for half-written files of older attempts,
    in a btrfs store as the base or the attempt before has it. A `latest` that a crash left behind is pointed
    first; the trash is waited for only where there is no other room. Raises StoreFull without room, else
    StoreError.
    """
    with told_as_store_error("no work folder can be made in the store"):
        make_room(store, folder)
        snapshots = list_snapshots(folder)
        base, last_good = _built_on(snapshots)
        if last_good is not None:
            point_latest(folder, last_good.id)
        kind = store.marker.kind
        older = _useful_attempts(folder, kind, base)
        staging = Staging(
            id=free_id(folder, now or utc_now()),
            sequence=1 + max((each.sequence for each in snapshots), default=len(snapshots)),
            folder=folder,
            sources=tuple(sources),
            base=base,
            last_good=last_good,
            older=older,
            kind=kind,
        )
        log.debug("staging %s on %s, older attempts: %d", staging.id, base.id if base else None, len(older))
        return _TREES[kind].begin(staging, run_id=run_id)


def imagined_staging(folder: JobFolder, *, sources: Sequence[str]) -> Staging:
    """Return the staging that an attempt would get now, with nothing made: its tree does not exist."""
    with told_as_store_error("the job's folder can't be read"):
        older = older_attempts(folder) if folder.work.is_dir() else ()
        base, last_good = _built_on(list_snapshots(folder))
    return Staging(
        id="preview",
        sequence=0,
        folder=folder,
        sources=tuple(sources),
        base=base,
        last_good=last_good,
        older=older[: MAX_LINK_DESTS - 1],
    )


def discard_if_empty(staging: Staging, *, because: BackupjumpError | None = None) -> None:
    """Remove an attempt that got nothing: no file, no half-written file, folders at most.

    One that was updated in place goes as well where it ended `because` of what could not be read: what is
    missing from it by now would all have to be sent again, and the base still has it.
    """
    spoilt = staging.kind is StoreKind.BTRFS and isinstance(because, (SourceMissing, TransferFailed))
    with told_as_store_error("the work folder can't be removed"):
        if spoilt or all(found.is_folder for found in walk(staging.tree)):
            discard(staging.folder, staging.path)


def take_out(staging: Staging, files: Iterable[bytes]) -> None:
    """Take files out of the tree that rsync left stale in it; a fresh tree would not have them. Raises StoreError."""
    with told_as_store_error("the new snapshot can't be finished"):
        btrfs.take_out(staging.tree, files)


def _built_on(snapshots: Sequence[Snapshot]) -> tuple[Snapshot | None, Snapshot | None]:
    """Return the base and the last good one; the latter has a `problem` where its manifest is damaged."""
    base, last_good = newest_usable(snapshots), newest_good(snapshots)
    if last_good is None or (base is not None and base.id == last_good.id):
        return base, last_good
    return base, checked(last_good)


def _useful_attempts(folder: JobFolder, kind: StoreKind, base: Snapshot | None) -> tuple[Path, ...]:
    """Return the attempts that can still be of use, newest first; the others, and those never begun, are deleted."""
    useful = _TREES[kind].useful_attempts(folder, base)
    for attempt in older_attempts(folder):
        if attempt not in useful:
            discard(folder, attempt)
    return useful
