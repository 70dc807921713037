"""Give a half-written file the end of the version before it, so that rsync finds there what the Desktop still has.

rsync takes a half-written file for the only one to compare with, and would send again all that comes after
its end, though a delta was under way and the older version has nearly all of it. What is appended may be wrong:
rsync compares each block, and the checksum of the whole file at the end.
"""

from __future__ import annotations

import errno
import logging
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from backupjump.store.tree import open_folder

log = logging.getLogger(__name__)

_CHUNK_BYTES = 1 << 20
# A filesystem, or two of them, that can't copy within the kernel.
_NO_COPY_RANGE = frozenset({errno.EXDEV, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL, errno.EPERM})


def complete_from(bases: Sequence[Path], relative: Path, partial: Path) -> None:
    """Append to `partial` what comes after its end in the first of the trees `bases` that has a file at `relative`.

    Nothing happens where that one is not longer, or where `partial` is not a file of its own: a snapshot may
    share it. Where it fails, on a full disk for instance, `partial` is as long as it was.
    """
    try:
        with _opened_old(bases, relative) as old, _opened_partial(partial) as new:
            if old is not None and new is not None:
                _append_rest(old, new)
    except OSError as error:
        log.debug("%s gets no end from an older version: %s", partial, error)


@contextmanager
def _opened_old(bases: Sequence[Path], relative: Path) -> Iterator[int | None]:
    for tree in bases:
        with suppress(OSError):
            fd = _open_below(tree, relative)
            break
    else:
        yield None
        return
    try:
        yield fd if stat.S_ISREG(os.fstat(fd).st_mode) else None
    finally:
        os.close(fd)


def _open_below(tree: Path, relative: Path) -> int:
    folder = open_folder(tree, relative.parent.parts)
    try:
        return os.open(relative.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    finally:
        os.close(folder)


@contextmanager
def _opened_partial(partial: Path) -> Iterator[int | None]:
    fd = os.open(partial, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        found = os.fstat(fd)
        yield fd if stat.S_ISREG(found.st_mode) and found.st_nlink == 1 else None
    finally:
        os.close(fd)


def _append_rest(old: int, new: int) -> None:
    have, whole = os.fstat(new).st_size, os.fstat(old).st_size
    if have >= whole:
        return
    try:
        for start, end in _stretches(old, have, whole):
            _copy(old, new, start, end)
        os.ftruncate(new, whole)
    except OSError:
        os.ftruncate(new, have)
        raise


def _stretches(fd: int, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield where there is content between two places of a file; holes stay holes."""
    while start < end:
        try:
            start = os.lseek(fd, start, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return
            raise
        stop = min(os.lseek(fd, start, os.SEEK_HOLE), end)
        yield start, stop
        start = stop


def _copy(old: int, new: int, start: int, end: int) -> None:
    while start < end:
        try:
            done = os.copy_file_range(old, new, end - start, start, start)
        except OSError as error:
            if error.errno not in _NO_COPY_RANGE:
                raise
            done = os.pwrite(new, os.pread(old, min(_CHUNK_BYTES, end - start), start), start)
        if not done:
            return
        start += done
