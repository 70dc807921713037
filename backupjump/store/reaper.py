"""Empty a job's trash when nobody waits for it."""

from __future__ import annotations

from collections.abc import Callable

from backupjump.store.failures import told_as_store_error
from backupjump.store.idle import idly
from backupjump.store.layout import JobFolder
from backupjump.store.trash import empty_trash


def reap(folder: JobFolder, *, on_slow: Callable[[int], None] = lambda _left: None) -> None:
    """Delete what is in the job's trash, from a prune that was killed too; the job's lock is not needed.

    The next run may go on meanwhile. `on_slow` is told once, after two seconds, how many snapshots and
    attempts are left. An exception in the waiting thread, as by a signal, ends the deletion after the
    file it is at; the next reap goes on. Raises StoreError when something can't be deleted.
    """
    if not folder.trash.is_dir():
        return
    with told_as_store_error("the trash can't be emptied"):
        idly(
            lambda stopping: empty_trash(folder, wait=False, stop=stopping),
            name="reaper",
            on_slow=lambda: on_slow(sum(1 for _ in folder.trash.iterdir())),
        )
