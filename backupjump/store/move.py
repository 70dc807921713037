"""A job's folder under another name: one rename, so it is there whole under the one or the other."""

from __future__ import annotations

from contextlib import suppress

from backupjump.run import utc_now
from backupjump.store.attempts import free_id
from backupjump.store.layout import JobFolder
from backupjump.store.runs import append_run, read_runs
from backupjump.store.trash import empty_trash
from backupjump.store.tree import sync_folder


def move_job(old: JobFolder, new: JobFolder) -> None:
    """Make the folder of `old` that of `new`, on the disk when this returns; both locks must be held.

    A folder `new` that has neither snapshots nor attempts gives way, once its runs stand in `old`.
    """
    if new.path.is_dir():
        _clear_away(new, old)
    new.path.parent.mkdir(mode=0o700, exist_ok=True)
    old.path.rename(new.path)
    for parent in {new.path.parent, old.path.parent, new.store}:
        sync_folder(parent)
    with suppress(OSError):
        old.path.parent.rmdir()  # of a Desktop that has no job left


def _clear_away(emptied: JobFolder, into: JobFolder) -> None:
    known = {run.run_id for run in read_runs(into)}
    for run in read_runs(emptied):
        if run.run_id not in known:
            append_run(into, run)
    empty_trash(emptied, wait=True)
    emptied.path.rename(into.trash / free_id(into, utc_now()))
    sync_folder(into.trash)
