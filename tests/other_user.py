"""Be another user for a while, as root in a test."""

from __future__ import annotations

import _strptime  # noqa: F401 (datetime does so late, when the other user may not get at Python's own files)
import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def acting_as(uid: int) -> Iterator[None]:
    """Let this process and what it starts have the effective user and group `uid` and no other groups.

    The real user stays root: a shell that is started goes back to it, as a Desktop's root login.  Source:
    credentials(7), capabilities(7); dash(1), -p.
    """
    was, groups = (os.geteuid(), os.getegid()), os.getgroups()
    _become(uid, uid, [])
    try:
        yield
    finally:
        _become(*was, groups)


def _become(uid: int, gid: int, groups: list[int]) -> None:
    os.seteuid(0)
    os.setgroups(groups)
    os.setegid(gid)
    os.seteuid(uid)
