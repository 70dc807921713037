"""What a job's folder holds besides snapshots: attempts that broke off, and where `latest` points."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from backupjump.errors import StoreError, StoreFull
from backupjump.run import rfc3339, utc_now
from backupjump.store.layout import JobFolder, read_id, snapshot_id
from backupjump.store.prepared import discard_prepared
from backupjump.store.store import Store
from backupjump.store.trash import discard, empty_trash
from backupjump.store.tree import sync_folder

log = logging.getLogger(__name__)

NOTE_NAME = "run.json"


def older_attempts(folder: JobFolder) -> tuple[Path, ...]:
    """Return the attempts in work/, newest first."""
    by_age = [(when, path) for path in folder.work.iterdir() if (when := read_id(path.name)) is not None]
    return tuple(path for _when, path in sorted(by_age, reverse=True))


def write_note(attempt: Path, *, run_id: str, sources: Sequence[str], more: Mapping[str, object] = {}) -> None:
    """Note in an attempt whose it is, and what `more` its kind of store wants to know; it is not filled before this."""
    note = {"run_id": run_id, "sources": list(sources), "started_at": rfc3339(utc_now()), **more}
    (attempt / NOTE_NAME).write_text(json.dumps(note) + "\n", encoding="ascii")


def bases_of_attempts(folder: JobFolder) -> frozenset[str]:
    """Return the ids of the snapshots that the attempts in work/ were built on, as far as their notes tell."""
    return frozenset(
        base
        for attempt in (older_attempts(folder) if folder.work.is_dir() else ())
        if (base := _base_of(attempt)) is not None
    )


def _base_of(attempt: Path) -> str | None:
    try:
        note = json.loads((attempt / NOTE_NAME).read_bytes())
    except (OSError, ValueError):
        return None
    base = note.get("base") if isinstance(note, dict) else None
    return base if isinstance(base, str) else None


def begun_ns(attempt: Path) -> int:
    """Return when an attempt began to be filled, the end of time when it never did."""
    try:
        return (attempt / NOTE_NAME).stat().st_mtime_ns
    except FileNotFoundError:
        return sys.maxsize


def make_room(store: Store, folder: JobFolder) -> None:
    """Wait for what is being deleted, then give up what broken-off attempts got, oldest first: room must be found.

    What was made ahead goes first of all.
    """
    try:
        return store.check_room()
    except StoreFull:
        discard_prepared(folder)
        empty_trash(folder, wait=True)
    for attempt in reversed(older_attempts(folder)):
        try:
            return store.check_room()
        except StoreFull:
            log.warning("the store is full: giving up what the attempt %s had got", attempt.name)
            discard(folder, attempt)
            empty_trash(folder, wait=True)
    return store.check_room()


def free_id(folder: JobFolder, now: datetime) -> str:
    """Return the id for what begins `now`, younger than any that snapshots, attempts or trash have of this second."""
    places = (folder.snapshots, folder.work, folder.trash)
    taken = [read_id(path.name) for place in places for path in place.iterdir()]
    second = read_id(snapshot_id(now))
    assert second is not None
    return snapshot_id(now, sequence=1 + max((each[1] for each in taken if each and each[0] == second[0]), default=0))


def point_latest(folder: JobFolder, id_: str) -> None:
    """Make `latest` name the snapshot `id_`, in one step: there is always one to follow.

    Raises StoreError when a folder has its place, an OSError when the store can't be written.
    """
    target = f"{folder.snapshots.name}/{id_}"
    if folder.latest.is_symlink() and str(folder.latest.readlink()) == target:
        return
    if folder.latest.is_dir() and not folder.latest.is_symlink():
        raise StoreError(
            f"{folder.latest} is a folder, where a link to the newest snapshot belongs",
            hint=f"a copy made it one? delete it, or move it out of the store: {folder.latest}",
        )
    new = folder.path / ".latest.new"
    new.unlink(missing_ok=True)
    new.symlink_to(target)
    new.rename(folder.latest)
    sync_folder(folder.path)


def tidy(folder: JobFolder, latest: str | None) -> None:
    """Point `latest`, delete attempts and what was made ahead, after a publication; what fails waits for `stage`."""
    try:
        if latest is not None:
            point_latest(folder, latest)
        for attempt in older_attempts(folder):
            discard(folder, attempt)
        # Of another base than the next run's, and it would keep files of snapshots that go.
        discard_prepared(folder)
    except (OSError, StoreError) as error:
        log.warning("%s could not be tidied up after the snapshot was published: %s", folder.path, error)
