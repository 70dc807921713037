"""What a job's folder holds besides snapshots: attempts that broke off, trash, and where `latest` points."""

from __future__ import annotations

import logging
import os
from datetime import datetime
from pathlib import Path

from backupjump.store.layout import JobFolder, read_id, snapshot_id
from backupjump.store.tree import remove_tree, sync_folder

log = logging.getLogger(__name__)


def older_attempts(folder: JobFolder) -> tuple[Path, ...]:
    """Return the attempts in work/, newest first."""
    by_age = [(when, path) for path in folder.work.iterdir() if (when := read_id(path.name)) is not None]
    return tuple(path for _when, path in sorted(by_age, reverse=True))


def free_id(folder: JobFolder, now: datetime) -> str:
    """Return the id for what begins `now`, one that no snapshot, attempt or trash has."""
    taken = {path.name for place in (folder.snapshots, folder.work, folder.trash) for path in place.iterdir()}
    sequence = 1
    while snapshot_id(now, sequence=sequence) in taken:
        sequence += 1
    return snapshot_id(now, sequence=sequence)


def discard(folder: JobFolder, attempt: Path) -> None:
    """Delete an attempt, by way of trash/, so that a crash leaves no half attempt to link to."""
    attempt.rename(folder.trash / attempt.name)
    empty_trash(folder)


def empty_trash(folder: JobFolder) -> None:
    """Delete all that is in trash/."""
    fd = os.open(folder.trash, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for path in list(folder.trash.iterdir()):
            remove_tree(path.name, folder_fd=fd)
    finally:
        os.close(fd)


def point_latest(folder: JobFolder, id_: str) -> None:
    """Make `latest` name the snapshot `id_`, in one step: there is always one to follow."""
    target = f"{folder.snapshots.name}/{id_}"
    if folder.latest.is_symlink() and str(folder.latest.readlink()) == target:
        return
    new = folder.path / ".latest.new"
    new.unlink(missing_ok=True)
    new.symlink_to(target)
    new.rename(folder.latest)
    sync_folder(folder.path)


def tidy(folder: JobFolder, latest: str | None) -> None:
    """Point `latest` and delete all attempts, after a publication; what fails is left to the next `stage`."""
    try:
        if latest is not None:
            point_latest(folder, latest)
        for attempt in older_attempts(folder):
            discard(folder, attempt)
    except OSError as error:
        log.warning("%s could not be tidied up after the snapshot was published: %s", folder.path, error)
