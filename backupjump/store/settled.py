"""What a broken-off attempt got may be linked to only where a sync has vouched for it.

After a power cut a file can have its size and its time and yet not its content: both travel through the
journal, and rsync writes on in a half-written file in place. Its quick check would take that for the
Desktop's file, and so would every later snapshot.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from backupjump.errors import StoreError
from backupjump.store.attempts import NOTE_NAME
from backupjump.store.layout import JobFolder
from backupjump.store.partials import times_kept
from backupjump.store.store import Store
from backupjump.store.trash import discard
from backupjump.store.tree import Found, walk

log = logging.getLogger(__name__)

SETTLED_NAME = "settled"

# 1906: no file's own time, and one that every filesystem can keep.
_NO_FILES_TIME_NS = -2_000_000_007 * 1_000_000_000 + 1


def settle(store: Store, folder: JobFolder, attempt: Path) -> None:
    """Bring a broken-off attempt to the disk and note that in it, so that the next one may link to what it got.

    Raises StoreError, with the attempt removed, where the disk did not take what was written.
    """
    if attempt.exists():
        sync_or_discard(store, folder, attempt)
        # Without the note the next attempt only has more to compare. A second name takes no inode, of which a
        # full store may have none.
        with suppress(OSError):
            (attempt / SETTLED_NAME).hardlink_to(attempt / NOTE_NAME)


def sync_or_discard(store: Store, folder: JobFolder, attempt: Path) -> None:
    """Bring all that was written to the disk; raise StoreError, with the attempt removed, when that fails.

    What did not reach the disk still looks whole in memory, and the error is told only once: the next
    attempt would link to it in good faith.
    """
    try:
        store.sync()
    except StoreError:
        with suppress(OSError):
            discard(folder, attempt)
        raise


def is_settled(attempt: Path) -> bool:
    """Whether an attempt ended in good order; one that was killed, or lost its power, did not."""
    return (attempt / SETTLED_NAME).exists()


def begin_again(attempt: Path) -> None:
    """Take back that an attempt is settled: it is about to be written to."""
    (attempt / SETTLED_NAME).unlink(missing_ok=True)


def doubt_shared(tree: Path) -> None:
    """Let rsync compare by content what an attempt has in `tree`, some of it under inodes of snapshots.

    Its files are made no match for rsync's quick check, but what a delta starts from. A name whose inode
    others share is removed, as that may be a snapshot's, which is found there anyway: start with the newest
    attempt, so that of what attempts share one keeps a name.
    """
    log.info("the attempt %s was cut off: what it got is compared by content", tree.parent.name)
    for found in walk(tree):
        if not found.is_folder and found.status.st_nlink > 1:
            with times_kept(found.folder_fd):
                os.unlink(found.name, dir_fd=found.folder_fd)
        elif found.is_regular:
            _no_match(found)


def doubt_private(tree: Path, *, since_ns: int, written_ns: int = 0) -> None:
    """Let rsync compare by content what has a ctime from `since_ns` on in a `tree` that shares no inode.

    With `written_ns` only what also has an mtime from then on: what is whole has got its own time, which is older.
    """
    log.info("the attempt %s broke off: what it was at is compared by content", tree.parent.name)
    for found in walk(tree):
        status = found.status
        if found.is_regular and status.st_ctime_ns >= since_ns and status.st_mtime_ns >= written_ns:
            _no_match(found)


def confirmed(found: Iterable[Found]) -> Iterator[Found]:
    """Yield what a walk finds but for files that were doubted and that rsync has not seen since: those are removed.

    So it is where another filesystem is mounted on the Desktop by now: rsync keeps silent about what lies below.
    """
    for each in found:
        if each.is_regular and each.status.st_mtime_ns == _NO_FILES_TIME_NS:
            with times_kept(each.folder_fd):
                os.unlink(each.name, dir_fd=each.folder_fd)
        else:
            yield each


def _no_match(found: Found) -> None:
    times = (_NO_FILES_TIME_NS, _NO_FILES_TIME_NS)
    os.utime(found.name, ns=times, dir_fd=found.folder_fd, follow_symlinks=False)
