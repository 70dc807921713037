"""A job's folder under a verify: its snapshots kept from a prune, and what was found noted in its marks."""

from __future__ import annotations

import logging
import os
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from backupjump.errors import JobLocked, StoreError
from backupjump.store.in_use import in_use
from backupjump.store.lock import locked
from backupjump.store.marks import read_marks, write_marks
from backupjump.store.snapshots import list_snapshots
from backupjump.store.store import Store
from backupjump.store.tree import allow_open_folders
from backupjump.store.verify.extent import Seen, damaged_by_id
from backupjump.store.verify.parts import Looked, marked

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from backupjump.operations.verify.heal import Outcome
    from backupjump.store.layout import JobFolder
    from backupjump.store.marker import Marker
    from backupjump.store.snapshots import Snapshot

log = logging.getLogger(__name__)

_LOCK_SECONDS = 10.0
_KNOCK_SECONDS = 0.2


@contextmanager
def kept(folder: JobFolder) -> Iterator[tuple[Snapshot, ...]]:
    """Give the job's snapshots, oldest first; no prune takes one of them away within the block."""
    allow_open_folders()
    with ExitStack() as stack:
        snapshots = []
        for snapshot in list_snapshots(folder):
            try:
                stack.enter_context(in_use(snapshot.path))
            except StoreError:
                if not os.path.lexists(snapshot.path):
                    continue  # a prune took it since it was listed
                if not snapshot.problem:
                    raise
            snapshots.append(snapshot)
        yield tuple(snapshots)


def write_back(path: Path, marker: Marker) -> None:
    """Bring to the disk what is in memory of the store: only then can it be dropped there, to be read again."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    with Store(path, marker, fd) as store:
        try:
            store.sync()
        except StoreError as error:
            log.warning("%s", error)


def mark(folder: JobFolder, seen: Seen, outcomes: Sequence[Outcome], *, now: datetime, drilled: bool = False) -> None:
    """Note in the marks what a verify has looked at and what came of it; the job's lock must be held."""
    there = {snapshot.id for snapshot in list_snapshots(folder)}
    looked = Looked(
        whole=seen.whole & there,
        parts=seen.parts,
        damaged=damaged_by_id([each.damage for each in outcomes if not each.healed], there),
        healed=damaged_by_id([each.damage for each in outcomes if each.healed], there),
        hopeless=damaged_by_id([each.damage for each in outcomes if each.hopeless], there),
    )
    write_marks(folder, marked(read_marks(folder), looked, now=now, drilled=drilled))


def note(
    folder: JobFolder, seen: Seen, outcomes: Sequence[Outcome], *, now: datetime, drilled: bool = False
) -> tuple[str, ...]:
    """Note in the marks what a verify has looked at, or return why that could not be; waits for the lock a little."""
    try:
        with locked_soon(folder):
            mark(folder, seen, outcomes, now=now, drilled=drilled)
    except (StoreError, JobLocked) as error:
        return (f"what was found is not noted, so the next run does not know of it: {error}",)
    return ()


@contextmanager
def locked_soon(folder: JobFolder) -> Iterator[int]:
    """Hold the job's lock, after 10 s of waiting at most; JobLocked when a run still has it then."""
    ends_at = time.monotonic() + _LOCK_SECONDS
    with ExitStack() as stack:
        while True:
            try:
                lock_fd = stack.enter_context(locked(folder))
                break
            except JobLocked:
                if time.monotonic() > ends_at:
                    raise
                time.sleep(_KNOCK_SECONDS)
        yield lock_fd
