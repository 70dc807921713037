"""Snapshots that share what did not change as hard links: a fresh tree for each attempt, published by one rename.

rsync never runs into a tree whose inodes a snapshot shares: where a file's attributes differ it would
change them in place, in every snapshot. So what a broken-off attempt got serves the next one from
outside: as one more --link-dest, and its half-written files by a move.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from backupjump.config.models import Ownership
from backupjump.errors import StoreError
from backupjump.run import Counts, Run, utc_now
from backupjump.store.attempts import (
    NOTE_NAME,
    begun_ns,
    free_id,
    make_room,
    older_attempts,
    point_latest,
    tidy,
    write_note,
)
from backupjump.store.failures import told_as_store_error
from backupjump.store.layout import JobFolder
from backupjump.store.manifest import MANIFEST_NAME
from backupjump.store.meta import write_meta
from backupjump.store.partials import adopt_partials, keep_orphans, remove_leftovers
from backupjump.store.record import record_tree
from backupjump.store.snapshots import (
    TREE_NAME,
    Snapshot,
    list_snapshots,
    newest_good,
    read_snapshot,
)
from backupjump.store.store import Store
from backupjump.store.trash import discard, empty_trash
from backupjump.store.tree import sync_folder, walk

log = logging.getLogger(__name__)

# rsync.h, MAX_BASIS_DIRS: more than 20 --link-dest are a usage error.
MAX_LINK_DESTS = 20


@dataclass(frozen=True, kw_only=True)
class Staging:
    """An attempt under way: a fresh tree to fill, the snapshot it builds on, older attempts newest first."""

    id: str
    folder: JobFolder
    sources: tuple[str, ...]
    base: Snapshot | None
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

        The last good snapshot comes first: with an attempt first, its shorter file would be the basis of
        a delta. Only folders that exist are named: rsync copies everything when one is missing.
        """
        bases = (self.base.path,) if self.base is not None else ()
        folders = (each / TREE_NAME / source.lstrip("/") for each in (*bases, *self.older))
        real = [folder for folder in folders if folder.is_dir() and not folder.is_symlink()]
        return tuple(real[:MAX_LINK_DESTS])


@dataclass(frozen=True, kw_only=True)
class Published:
    """A snapshot that has just been published, its counts, and the run with both in it."""

    snapshot: Snapshot
    counts: Counts
    run: Run


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

    Each source's own folder is there, empty but for half-written files of older attempts. What a crash
    left half done (trash, `latest`) is finished first. Raises StoreFull without room, else StoreError.
    """
    with told_as_store_error("no work folder can be made in the store"):
        empty_trash(folder, wait=False)
        make_room(store, folder)
        base = newest_good(list_snapshots(folder))
        if base is not None:
            point_latest(folder, base.id)
        older = _useful_attempts(folder)
        staging = Staging(
            id=free_id(folder, now or utc_now()),
            folder=folder,
            sources=tuple(sources),
            base=base,
            older=older,
        )
        _make_folders(staging, run_id=run_id)
        made: dict[Path, int] = {}
        for attempt in staging.older:
            keep_orphans(attempt / TREE_NAME, begun_ns=begun_ns(attempt))
            made |= adopt_partials(attempt / TREE_NAME, staging.tree)
    log.debug("staging %s on %s, older attempts: %d", staging.id, base.id if base else None, len(staging.older))
    return replace(staging, made_for_partials=made)


def imagined_staging(folder: JobFolder, *, sources: Sequence[str]) -> Staging:
    """Return the staging that an attempt would get now, with nothing made: its tree does not exist."""
    with told_as_store_error("the job's folder can't be read"):
        older = older_attempts(folder) if folder.work.is_dir() else ()
        base = newest_good(list_snapshots(folder))
    return Staging(id="preview", folder=folder, sources=tuple(sources), base=base, older=older[: MAX_LINK_DESTS - 1])


def publish(
    store: Store,
    folder: JobFolder,
    staging: Staging,
    *,
    run: Run,
    hashes: Mapping[bytes, str],
    how: Mapping[str, Any],
) -> Published:
    """Make the staging's tree a snapshot: there whole or not there, also after a power cut.

    `run` says the status (ok, warning or suspect), `hashes` are rsync's by path, `how` goes into
    meta.json as it is. Older attempts are removed. On StoreError nothing is published.
    """
    with told_as_store_error("the snapshot can't be finished"):
        remove_leftovers(staging.tree, staging.made_for_partials)
        written, counts = record_tree(
            staging.tree,
            staging.path / MANIFEST_NAME,
            sources=[os.fsencode(source.lstrip("/")) for source in staging.sources],
            base=staging.base,
            hashes=hashes,
            fake_super=store.marker.ownership is Ownership.FAKE_SUPER,
        )
        run = _with_counts(run, staging, counts)
        write_meta(
            staging.path,
            run=run,
            base=staging.base.id if staging.base is not None else None,
            sources=staging.sources,
            written=written,
            counts=counts,
            how=how,
        )
        (staging.path / NOTE_NAME).unlink()
        _sync(store, staging)
        snapshot = _commit(folder, staging)
    log.info("%s/%s: snapshot %s published", folder.desktop, folder.job, snapshot.id)
    tidy(folder, snapshot.id if snapshot.is_good else None)
    return Published(snapshot=snapshot, counts=counts, run=run)


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


def _with_counts(run: Run, staging: Staging, counts: Counts) -> Run:
    in_run = {name: value for name, value in asdict(counts).items() if name in Run.__dataclass_fields__}
    return replace(run, snapshot=staging.id, **in_run)


def _sync(store: Store, staging: Staging) -> None:
    try:
        store.sync()
    except StoreError:
        # What did not reach the disk still looks whole in memory, and the error is told only once: the
        # next attempt would link to it in good faith.
        with suppress(OSError):
            discard(staging.folder, staging.path)
        raise


def _commit(folder: JobFolder, staging: Staging) -> Snapshot:
    final = folder.snapshots / staging.id
    # rename(2) would quietly take the place of an empty folder.
    if os.path.lexists(final):
        raise StoreError(f"{final} is already there", hint="do two servers share this store?")
    staging.path.rename(final)
    sync_folder(folder.snapshots)
    sync_folder(folder.work)
    return read_snapshot(folder, staging.id)
