"""Read a file as the disk has it, not as memory remembers it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

import xxhash

from backupjump.store.tree import Found, open_folder

_BLOCK_BYTES = 1 << 20


class _Digest(Protocol):
    def update(self, block: bytes, /) -> object: ...
    def hexdigest(self) -> str: ...


def _md5() -> _Digest:
    return hashlib.md5(usedforsecurity=False)


# What a manifest may name: ours, and what two rsyncs agreed on.
ALGORITHMS: Mapping[str, Callable[[], _Digest]] = {"xxh128": xxhash.xxh3_128, "md5": _md5}


@contextmanager
def found_at(tree: Path, path: bytes) -> Iterator[Found | None]:
    """Give the name `path` below `tree` as a walk would; no link on the way is followed.

    None where it is not there, or where the disk can't give it: other snapshots may have it all the same.
    """
    *folders, last = path.split(b"/")
    name, fd, found = os.fsdecode(last) or ".", -1, None
    with suppress(OSError):
        fd = open_folder(tree, folders)
        status = os.stat(name, dir_fd=fd, follow_symlinks=False)
        found = Found(path=path, name=name, folder_fd=fd, status=status)
    try:
        yield found
    finally:
        if fd >= 0:
            os.close(fd)


def can_check(hash_: str | None) -> bool:
    """Whether a manifest's hash is one that we can compute; None stands for content that could not be read."""
    return hash_ is not None and hash_.partition(":")[0] in ALGORITHMS


def cold_hash(found: Found, like: str, *, on_bytes: Callable[[int], object] = lambda _count: None) -> str:
    """Return the hash of a regular file's content, by the algorithm of the hash `like`, read from the disk.

    What memory holds of the file is dropped before, or a rotten disk would go unnoticed, and after, since
    nobody waits for it. Only pages that have been written back can be dropped: sync the store first, once,
    for an fsync of each file would make the disk flush each time. Source: posix_fadvise(2).
    """
    fd = os.open(found.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=found.folder_fd)
    try:
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        return hash_of(fd, like, on_bytes=on_bytes)
    finally:
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(fd)


def hash_of(fd: int, like: str, *, on_bytes: Callable[[int], object] = lambda _count: None) -> str:
    """Return the hash of all that an open file holds, by the algorithm of the hash `like`."""
    algorithm = like.partition(":")[0]
    digest = ALGORITHMS[algorithm]()
    offset = 0
    while block := os.pread(fd, _BLOCK_BYTES, offset):
        digest.update(block)
        offset += len(block)
        on_bytes(len(block))
    return f"{algorithm}:{digest.hexdigest()}"
