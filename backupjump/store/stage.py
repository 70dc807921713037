"""Begin an attempt: a work folder with a tree to fill, and what broken-off attempts leave it.

How the tree comes to be depends on the store: trees.py.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from backupjump.config.models import StoreKind
from backupjump.errors import BackupjumpError
from backupjump.run import utc_now
from backupjump.store.attempts import free_id, make_room, older_attempts, point_latest
from backupjump.store.btrfs import take_out as take_out_of
from backupjump.store.failures import told_as_store_error
from backupjump.store.layout import JobFolder
from backupjump.store.snapshots import Snapshot, checked, list_snapshots, newest_good, newest_seeding, newest_usable
from backupjump.store.staging import MAX_LINK_DESTS, Staging
from backupjump.store.store import Store
from backupjump.store.trash import discard
from backupjump.store.tree import walk
from backupjump.store.trees import TREES

log = logging.getLogger(__name__)


def check_room(store: Store, folder: JobFolder) -> None:
    """Raise StoreFull, with nothing written, where a run would have no room to begin.

    A job whose broken-off attempts, seeding snapshot or trash fill the store passes: those are given up first.
    """
    with told_as_store_error("the job's folder can't be read"):
        given_up = [path for place in (folder.work, folder.trash) if place.is_dir() for path in place.iterdir()]
    if not given_up and newest_seeding(list_snapshots(folder)) is None:
        store.check_room()


def stage(
    store: Store,
    folder: JobFolder,
    *,
    sources: Sequence[str],
    run_id: str,
    now: datetime | None = None,
    may_list: bool = False,
) -> Staging:
    """Make the work folder for one attempt; the job's lock must be held.

    Each source's own folder is there: in a hard-link store empty but for half-written files of older attempts,
    in a btrfs store as the base or the attempt before has it. A `latest` that a crash left behind is pointed
    first; the trash is waited for only where there is no other room. With `may_list` the caller goes by a list, or
    calls `for_whole` before rsync writes to it. Raises StoreFull without room, else StoreError.
    """
    with told_as_store_error("no work folder can be made in the store"):
        make_room(store, folder)
        snapshots = list_snapshots(folder)
        base, last_good = _built_on(snapshots)
        seeding = _seeding(snapshots) if base is None else None
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
            seeding=seeding,
        )
        log.debug("staging %s on %s, older attempts: %d", staging.id, base.id if base else None, len(older))
        return TREES[kind].begin(staging, run_id=run_id, may_list=may_list)


def for_whole(staging: Staging, moved: Mapping[bytes, bytes] = {}) -> None:
    """Make the tree of a staging one that rsync may write to anywhere.

    `moved` names, by the path of now, the one where the base has a file. Raises StoreError, GraftFailed.
    """
    with told_as_store_error("the tree can't be made ready"):
        TREES[staging.kind].for_whole(staging, moved)


def imagined_staging(folder: JobFolder, *, sources: Sequence[str]) -> Staging:
    """Return the staging that an attempt would get now, with nothing made: its tree does not exist."""
    with told_as_store_error("the job's folder can't be read"):
        older = older_attempts(folder) if folder.work.is_dir() else ()
        snapshots = list_snapshots(folder)
        base, last_good = _built_on(snapshots)
    return Staging(
        id="preview",
        sequence=0,
        folder=folder,
        sources=tuple(sources),
        base=base,
        last_good=last_good,
        older=older[: MAX_LINK_DESTS - 1],
        seeding=_seeding(snapshots) if base is None else None,
    )


def discard_if_empty(staging: Staging, *, because: BackupjumpError | None = None) -> None:
    """Remove an attempt that got nothing: no file, no half-written file, folders at most.

    One that was updated in place goes as well where it ended `because` of what could not be read: what is
    missing from it by now would all have to be sent again, and the base still has it.
    """
    spoilt = TREES[staging.kind].is_spoilt(because)
    with told_as_store_error("the work folder can't be removed"):
        if spoilt or all(found.is_folder for found in walk(staging.tree)):
            discard(staging.folder, staging.path)


def take_out(staging: Staging, files: Iterable[bytes]) -> None:
    """Take files out of the tree that rsync left stale in it; a fresh tree would not have them. Raises StoreError."""
    with told_as_store_error("the new snapshot can't be finished"):
        take_out_of(staging.tree, files)


def _built_on(snapshots: Sequence[Snapshot]) -> tuple[Snapshot | None, Snapshot | None]:
    """Return the base and the last good one; the latter has a `problem` where its manifest is damaged."""
    base, last_good = newest_usable(snapshots), newest_good(snapshots)
    if last_good is None or (base is not None and base.id == last_good.id):
        return base, last_good
    return base, checked(last_good)


def _seeding(snapshots: Sequence[Snapshot]) -> Snapshot | None:
    """Return what has arrived of a first backup; it has a `problem` where its manifest is damaged."""
    found = newest_seeding(snapshots)
    return checked(found) if found is not None else None


def _useful_attempts(folder: JobFolder, kind: StoreKind, base: Snapshot | None) -> tuple[Path, ...]:
    """Return the attempts that can still be of use, newest first; the others, and those never begun, are deleted."""
    useful = TREES[kind].useful_attempts(folder, base)
    for attempt in older_attempts(folder):
        if attempt not in useful:
            discard(folder, attempt)
    return useful
