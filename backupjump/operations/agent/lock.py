"""One holder of the tunnel on a Desktop: the agent, or `tunnel open`. Python 3.9, the standard library alone."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backupjump.errors import JobLocked

LOCK = "tunnel.lock"


@contextmanager
def holding(state: Path) -> Iterator[None]:
    """Hold the lock in the block; JobLocked, nothing done, while another process does. It dies with its process."""
    fd = os.open(state / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise JobLocked(
                "another process of this machine holds the tunnel", hint="see: backupjump tunnel status"
            ) from None
        yield
    finally:
        os.close(fd)


def is_held(state: Path) -> bool:
    """Whether a process holds the lock now."""
    try:
        with holding(state):
            return False
    except JobLocked:
        return True
