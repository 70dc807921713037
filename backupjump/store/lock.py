"""One run at a time for each job: a lock that ends with its last holder, not with a file."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from backupjump.errors import JobLocked
from backupjump.escape import shown
from backupjump.run import rfc3339, utc_now
from backupjump.store.failures import told_as_store_error
from backupjump.store.layout import JobFolder

_NOTE_LIMIT_BYTES = 256


@contextmanager
def locked(folder: JobFolder) -> Iterator[int]:
    """Hold the job's lock within the block and give its file descriptor, to be handed to rsync.

    The lock lasts until every process that has the descriptor is gone: an rsync that outlives us keeps
    the job locked, so that nobody enters the tree it still writes. Makes the job's folder the first time.
    Raises `JobLocked` at once when someone else holds it, with nothing touched.
    """
    with told_as_store_error(f"the folder of {folder.desktop}/{folder.job} can't be used"):
        folder.make()
        fd = os.open(folder.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _take(fd, folder)
        yield fd
    finally:
        # Never LOCK_UN: that would unlock it for an rsync too, which shares this open file. Source: flock(2).
        os.close(fd)


def _take(fd: int, folder: JobFolder) -> None:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise JobLocked(
            f"another run holds {folder.desktop}/{folder.job}: {_holder(fd)}",
            hint="it goes on by itself when that one has ended",
        ) from error
    if not _is_still(folder, fd):
        raise JobLocked(f"the folder of {folder.desktop}/{folder.job} was renamed just now", hint="try again")
    note = json.dumps({"pid": os.getpid(), "started_at": rfc3339(utc_now())}).encode()
    # A full disk may take no byte more, and what needs the lock may be what makes room there.
    with suppress(OSError):
        os.ftruncate(fd, 0)
        os.pwrite(fd, note, 0)


def _is_still(folder: JobFolder, fd: int) -> bool:
    """Whether the path still names what was locked: a rename of a job may have come in between."""
    try:
        return os.path.samestat(folder.lock.stat(), os.fstat(fd))
    except FileNotFoundError:
        return False


def _holder(fd: int) -> str:
    """Say who wrote its note into the lock; the note is a courtesy, whatever it holds."""
    try:
        note = json.loads(os.pread(fd, _NOTE_LIMIT_BYTES, 0))
        pid, since = int(note["pid"]), shown(str(note["started_at"]), limit=40)
        os.kill(pid, 0)
    except ProcessLookupError:
        return f"process {pid} of {since} is gone, but an rsync that it started still writes"
    except PermissionError:
        return f"process {pid} since {since}"
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return "it left no note who it is"
    return f"process {pid} since {since}"
