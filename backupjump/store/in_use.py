"""Who reads a snapshot keeps it: a prune passes over what a restore or a verify is at."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backupjump.errors import StoreError
from backupjump.store.failures import told_as_store_error
from backupjump.store.tree import open_folder


@contextmanager
def in_use(snapshot: Path) -> Iterator[int]:
    """Within the block no prune takes the snapshot in the folder `snapshot` away; any number may use it at once.

    Gives the descriptor that holds it, for a child that may outlive us. Raises StoreError when it has
    gone since it was listed.
    """
    fd = _opened(snapshot)
    try:
        fcntl.flock(fd, fcntl.LOCK_SH)
        if not _is_still(snapshot, fd):
            raise _gone(snapshot)
        yield fd
    finally:
        os.close(fd)


@contextmanager
def unused(snapshot: Path) -> Iterator[bool]:
    """Give whether nobody uses the snapshot; if so, nobody can begin to within the block."""
    fd = _opened(snapshot)
    try:
        yield _is_taken(fd)
    finally:
        os.close(fd)


def _opened(snapshot: Path) -> int:
    try:
        with told_as_store_error("the snapshot can't be opened"):
            return open_folder(snapshot, ())
    except StoreError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            raise _gone(snapshot) from error
        raise


def _is_taken(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_still(snapshot: Path, fd: int) -> bool:
    """Whether the path still names what was opened: a prune may have come between the opening and the lock."""
    try:
        return os.path.samestat(snapshot.stat(), os.fstat(fd))
    except FileNotFoundError:
        return False


def _gone(snapshot: Path) -> StoreError:
    job = snapshot.parent.parent.name
    return StoreError(
        f"the snapshot {snapshot} is gone: it has been pruned since it was listed",
        hint=f"choose another one: backupjump snapshots {job}",
    )
