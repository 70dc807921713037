"""An attempt under way: a fresh work folder, what it builds on, and what broken-off attempts leave it.

rsync never runs into a tree whose inodes a snapshot shares: where a file's attributes differ it would
change them in place, in every snapshot. So what a broken-off attempt got serves the next one from
outside: as one more --link-dest, and its half-written files by a move.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path, PurePosixPath

from backupjump.run import utc_now
from backupjump.store.attempts import begun_ns, free_id, make_room, older_attempts, point_latest, write_note
from backupjump.store.failures import told_as_store_error
from backupjump.store.layout import JobFolder
from backupjump.store.partials import adopt_partials, keep_orphans
from backupjump.store.settled import doubt_shared, is_settled
from backupjump.store.snapshots import TREE_NAME, Snapshot, list_snapshots, newest_good, newest_usable
from backupjump.store.store import Store
from backupjump.store.trash import discard
from backupjump.store.tree import walk

log = logging.getLogger(__name__)

# rsync.h, MAX_BASIS_DIRS: more than 20 --link-dest are a usage error.
MAX_LINK_DESTS = 20


@dataclass(frozen=True, kw_only=True)
class Staging:
    """An attempt under way: a fresh tree to fill, the snapshot it builds on, older attempts newest first.

    `base` is the newest snapshot that can be built on, a suspect one too; `last_good` is what the result is
    judged against, and the same one unless a suspect one awaits its `ack`. `sequence` is the number of the
    publication that this would be.
    """

    id: str
    sequence: int
    folder: JobFolder
    sources: tuple[str, ...]
    base: Snapshot | None
    last_good: Snapshot | None
    older: tuple[Path, ...]
    made_for_partials: Mapping[Path, int] = field(default_factory=dict)

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
    """Make a fresh work folder for one attempt; the job's lock must be held.

    Each source's own folder is there, empty but for half-written files of older attempts. A `latest` that
    a crash left behind is pointed first; the trash is waited for only where there is no other room. Raises
    StoreFull without room, else StoreError.
    """
    with told_as_store_error("no work folder can be made in the store"):
        make_room(store, folder)
        snapshots = list_snapshots(folder)
        base, last_good = newest_usable(snapshots), newest_good(snapshots)
        if last_good is not None:
            point_latest(folder, last_good.id)
        older = _useful_attempts(folder)
        staging = Staging(
            id=free_id(folder, now or utc_now()),
            sequence=1 + max((each.sequence for each in snapshots), default=len(snapshots)),
            folder=folder,
            sources=tuple(sources),
            base=base,
            last_good=last_good,
            older=older,
        )
        _make_folders(staging, run_id=run_id)
        made: dict[Path, int] = {}
        for attempt in staging.older:
            keep_orphans(attempt / TREE_NAME, begun_ns=begun_ns(attempt))
            made |= adopt_partials(attempt / TREE_NAME, staging.tree)
            if not is_settled(attempt):
                doubt_shared(attempt / TREE_NAME)
    log.debug("staging %s on %s, older attempts: %d", staging.id, base.id if base else None, len(staging.older))
    return replace(staging, made_for_partials=made)


def imagined_staging(folder: JobFolder, *, sources: Sequence[str]) -> Staging:
    """Return the staging that an attempt would get now, with nothing made: its tree does not exist."""
    with told_as_store_error("the job's folder can't be read"):
        older = older_attempts(folder) if folder.work.is_dir() else ()
        snapshots = list_snapshots(folder)
    return Staging(
        id="preview",
        sequence=0,
        folder=folder,
        sources=tuple(sources),
        base=newest_usable(snapshots),
        last_good=newest_good(snapshots),
        older=older[: MAX_LINK_DESTS - 1],
    )


def discard_if_empty(staging: Staging) -> None:
    """Remove an attempt that got nothing: no file, no half-written file, folders at most."""
    with told_as_store_error("the work folder can't be removed"):
        if all(found.is_folder for found in walk(staging.tree)):
            discard(staging.folder, staging.path)


def _useful_attempts(folder: JobFolder) -> tuple[Path, ...]:
    """Return the attempts that rsync can be told of, newest first; older ones, and those never begun, are deleted."""
    begun = [attempt for attempt in older_attempts(folder) if (attempt / TREE_NAME).is_dir()]
    useful = tuple(begun[: MAX_LINK_DESTS - 1])
    for attempt in older_attempts(folder):
        if attempt not in useful:
            discard(folder, attempt)
    return useful


def _make_folders(staging: Staging, *, run_id: str) -> None:
    staging.path.mkdir(mode=0o700)
    staging.tree.mkdir()
    for source in staging.sources:
        place = staging.tree
        for part in PurePosixPath(source).parts[1:]:
            place = place / part
            place.mkdir(exist_ok=True)
            place.chmod(0o755)
    write_note(staging.path, run_id=run_id, sources=staging.sources)
