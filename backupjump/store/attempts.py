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
    """Return the id for what begins `now`, younger than any that snapshots, attempts or trash have of this second."""
    places = (folder.snapshots, folder.work, folder.trash)
    taken = [read_id(path.name) for place in places for path in place.iterdir()]
    second = read_id(snapshot_id(now))
    assert second is not None
    return snapshot_id(now, sequence=1 + max((each[1] for each in taken if each and each[0] == second[0]), default=0))


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
