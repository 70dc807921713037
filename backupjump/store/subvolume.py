"""Subvolumes of btrfs: make, copy, freeze and delete them, and copy a file without its data.

The kernel is asked directly: its errors are exact, each call is about a name in an open folder, and no
other program needs to be there. Source: linux/btrfs.h, linux/fs.h, fs/btrfs/ioctl.c.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CREATE = 0x5000940E
_SNAPSHOT = 0x50009417
_DESTROY = 0x5000940F
_GET_FLAGS = 0x80089419
_SET_FLAGS = 0x4008941A
_CLONE = 0x40049409
_SYNC = 0x9408
# struct btrfs_ioctl_vol_args and btrfs_ioctl_vol_args_v2; the name is NUL-terminated.
_ARGS = struct.Struct("=q4088s")
_ARGS_V2 = struct.Struct("=qQQ32s4040s")
_FLAGS = struct.Struct("=Q")
_READ_ONLY = 1 << 1
_RECLAIM_SECONDS = 10.0
_RECLAIM_PAUSE_SECONDS = 0.1
_RECLAIM_ROUNDS = 4
# BTRFS_FIRST_FREE_OBJECTID, the inode of each subvolume's own folder.
_ROOT_INODE = 256
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def create(path: Path) -> None:
    """Make an empty subvolume at `path`. Raises OSError, ENOTTY where it is no btrfs."""
    with _opened(path.parent) as folder:
        fcntl.ioctl(folder, _CREATE, _packed(_ARGS, 0, path.name))


def snapshot(source: Path, path: Path) -> None:
    """Make `path` a writable copy of the subvolume `source`, at once and without its data; ours, if not root's."""
    with _opened(source) as base, _opened(path.parent) as folder:
        fcntl.ioctl(folder, _SNAPSHOT, _packed(_ARGS_V2, base, 0, 0, b"", path.name))


def set_read_only(path: Path, *, read_only: bool) -> None:
    """Freeze a subvolume or let it be written to again; all else about it stays."""
    with _opened(path) as fd:
        (flags,) = _FLAGS.unpack(fcntl.ioctl(fd, _GET_FLAGS, bytes(_FLAGS.size)))
        wanted = flags | _READ_ONLY if read_only else flags & ~_READ_ONLY
        if wanted != flags:
            fcntl.ioctl(fd, _SET_FLAGS, _FLAGS.pack(wanted))


def is_subvolume(path: Path) -> bool:
    """Whether `path` is the own folder of a subvolume."""
    try:
        status, above = path.lstat(), path.parent.lstat()
    except OSError:
        return False
    return looks_like_one(status, above_device=above.st_dev)


def looks_like_one(status: os.stat_result, *, above_device: int) -> bool:
    """Whether the status of a folder is that of a subvolume in a folder on the device `above_device`.

    Each subvolume has a device number and inodes of its own; no other filesystem's root is inode 256.
    """
    return status.st_ino == _ROOT_INODE and status.st_dev != above_device


def delete(name: str, *, folder_fd: int) -> bool:
    """Delete the subvolume `name` in an open folder, whatever is in it; False where this user may not.

    Then it has been made writable, so that it can be emptied and removed like a folder: that its owner may
    (since Linux 4.18), while deleting it whole is for root, or for a mount with user_subvol_rm_allowed.
    """
    fd = os.open(name, _FOLDER, dir_fd=folder_fd)
    try:
        # A plain user must be allowed to write to what he deletes.
        fcntl.ioctl(fd, _SET_FLAGS, _FLAGS.pack(0))
    finally:
        os.close(fd)
    try:
        fcntl.ioctl(folder_fd, _DESTROY, _packed(_ARGS, 0, name))
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EACCES):
            raise
        return False
    return True


def reclaim(folder_fd: int) -> None:
    """Let the kernel give back at once the room of subvolumes that were deleted in the filesystem of an open folder.

    Else it does so after half a minute. Returns when no more comes, after ten seconds at most; at once where it
    is no btrfs. Source: btrfs_ioctl_sync() wakes the thread that deletes, and what it frees takes another
    commit; measured.
    """
    ends_at = time.monotonic() + _RECLAIM_SECONDS
    free, rounds_without = os.fstatvfs(folder_fd).f_bavail, 0
    while rounds_without < _RECLAIM_ROUNDS and time.monotonic() < ends_at:
        try:
            fcntl.ioctl(folder_fd, _SYNC)
        except OSError:
            return
        time.sleep(_RECLAIM_PAUSE_SECONDS)
        before, free = free, os.fstatvfs(folder_fd).f_bavail
        rounds_without = 0 if free > before else rounds_without + 1


def clone(name: str, new: str, *, folder_fd: int) -> int:
    """Make `new` a file with the content of the file `name`, its blocks shared, and return it open for writing."""
    source = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder_fd)
    try:
        fd = os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=folder_fd)
        try:
            fcntl.ioctl(fd, _CLONE, source)
        except OSError:
            os.close(fd)
            os.unlink(new, dir_fd=folder_fd)
            raise
    finally:
        os.close(source)
    return fd


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    fd = os.open(folder, _FOLDER)
    try:
        yield fd
    finally:
        os.close(fd)


def _packed(form: struct.Struct, *values: int | bytes | str) -> bytearray:
    # Of what can't be changed, fcntl.ioctl takes 1024 bytes at most.
    return bytearray(form.pack(*(os.fsencode(each) if isinstance(each, str) else each for each in values)))
