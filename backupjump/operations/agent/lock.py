"""One holder of the tunnel on a Desktop: the agent, or `tunnel open`. Python 3.9, the standard library alone."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from backupjump.config.state import not_writable
from backupjump.errors import JobLocked

LOCK = "tunnel.lock"

# Who only asks whether it is held has it for a moment, too.
_TRIES = 5
_BETWEEN_SECONDS = 0.05


@contextmanager
def holding(state: Path) -> Iterator[None]:
    """Hold the lock in the block; JobLocked, nothing done, while another process does. It dies with its process."""
    try:
        fd = _open(state / LOCK)
    except OSError as error:
        raise not_writable(state, error) from error
    try:
        _lock(fd, tries=_TRIES)
        yield
    finally:
        os.close(fd)


def is_held(state: Path) -> bool:
    """Whether a process holds the lock now."""
    try:
        fd = os.open(state / LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        _lock(fd, tries=1)
    except JobLocked:
        return True
    finally:
        os.close(fd)
    return False


def _open(path: Path) -> int:
    """Open the lock's file, made if need be; one that another account of ours made is for us to read alone."""
    with suppress(FileNotFoundError):
        try:
            return os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except PermissionError:
            return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)


def _lock(fd: int, *, tries: int) -> None:
    for left in reversed(range(tries)):
        with suppress(BlockingIOError):
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        if left:
            time.sleep(_BETWEEN_SECONDS)
    raise JobLocked("another process of this machine holds the tunnel", hint="see: backupjump tunnel status")
