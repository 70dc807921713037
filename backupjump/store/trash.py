"""What is to be deleted goes by way of trash/: out of the lists in one rename, gone when there is time."""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Callable, Collection
from pathlib import Path

from backupjump.errors import StoreError
from backupjump.store import subvolume
from backupjump.store.failures import told_as_store_error
from backupjump.store.in_use import unused
from backupjump.store.layout import JobFolder
from backupjump.store.tree import remove_tree, sync_folder

log = logging.getLogger(__name__)


def throw_away(folder: JobFolder, ids: Collection[str]) -> tuple[str, ...]:
    """Take snapshots out of the job, each whole, for `empty_trash` to delete; the job's lock must be held.

    Returns those that went: one that somebody reads (`in_use`) stays, for the next prune. They are gone
    after a power cut too; a StoreError leaves each whole or gone.
    """
    gone = []
    with told_as_store_error("a snapshot can't be moved to the trash"):
        for id_ in ids:
            # rename(2) would quietly take the place of an empty folder.
            if os.path.lexists(folder.trash / id_):
                raise StoreError(f"{folder.trash / id_} is already there", hint="do two servers share this store?")
            with unused(folder.snapshots / id_) as free:
                if free:
                    (folder.snapshots / id_).rename(folder.trash / id_)
                    gone.append(id_)
            log.info("%s/%s: snapshot %s %s", folder.desktop, folder.job, id_, "pruned" if free else "is in use")
        # Before the first file goes: else a power cut could bring the name back without it.
        sync_folder(folder.trash)
        sync_folder(folder.snapshots)
    return tuple(gone)


def discard(folder: JobFolder, attempt: Path) -> None:
    """Move an attempt to the trash, so that a crash while it is deleted leaves no half attempt to link to."""
    attempt.rename(folder.trash / attempt.name)


def empty_trash(folder: JobFolder, *, wait: bool, stop: Callable[[], bool] = lambda: False) -> None:
    """Delete all that is in trash/, and what comes into it meanwhile; the job's lock is not needed.

    Where another process is at it already, `wait` for it and delete what is left, and for the room that this
    gives, or leave it to that one. Told to `stop`, it ends after the file it is at. What can't be deleted is
    passed over; the first such error is raised at the end.
    """
    fd = os.open(folder.trash, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        _delete_all(fd, stop)
        if wait:
            subvolume.reclaim(fd)
    except BlockingIOError:
        log.debug("another process empties %s", folder.trash)
    finally:
        os.close(fd)


def _delete_all(trash_fd: int, stop: Callable[[], bool]) -> None:
    failed: dict[str, OSError] = {}
    while not stop() and (names := sorted(set(os.listdir(trash_fd)) - failed.keys())):
        for name in names:
            try:
                remove_tree(name, folder_fd=trash_fd, stop=stop)
            except OSError as error:
                failed[name] = error
    if failed:
        raise next(iter(failed.values()))
