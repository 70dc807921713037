"""Take a private tree's names apart, so that what is written under one is not read under another."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path

from backupjump.store import subvolume
from backupjump.store.tree import Found, walk

_NEW = ".~backupjump-unsharing~"


def unshare(tree: Path) -> None:
    """Give every name in the private `tree` an inode of its own; content, owner, mode, times and xattrs stay.

    rsync would write through one name of a file into the other, which may be another file by now: it ends
    with 0 and the wrong content in one of them. Source: rsync(1), --inplace, and measured.
    """
    for found in walk(tree):
        unshare_one(found)


def unshare_one(found: Found) -> None:
    """Give one name an inode of its own, if it has not; its folder keeps its times."""
    if not found.is_folder and found.status.st_nlink > 1:
        before = os.fstat(found.folder_fd)
        if found.is_regular:
            _give_own_inode(found)
        else:
            os.unlink(found.name, dir_fd=found.folder_fd)
        os.utime(found.folder_fd, ns=(before.st_atime_ns, before.st_mtime_ns))


def _give_own_inode(found: Found) -> None:
    folder_fd, status = found.folder_fd, found.status
    with contextlib.suppress(FileNotFoundError):
        os.unlink(_NEW, dir_fd=folder_fd)
    fd = subvolume.clone(found.name, _NEW, folder_fd=folder_fd)
    try:
        os.fchown(fd, status.st_uid, status.st_gid)
        os.fchmod(fd, stat.S_IMODE(status.st_mode))
        for name in os.listxattr(found.proc_path, follow_symlinks=False):
            _keep_xattr(fd, name, os.getxattr(found.proc_path, name, follow_symlinks=False))
        os.utime(fd, ns=(status.st_atime_ns, status.st_mtime_ns))
    finally:
        os.close(fd)
    os.rename(_NEW, found.name, src_dir_fd=folder_fd, dst_dir_fd=folder_fd)


def _keep_xattr(fd: int, name: str, value: bytes) -> None:
    try:
        os.setxattr(fd, name, value)
    except OSError as error:
        # A label of the kernel's own (security.*), which rsync leaves alone as well where it is not root.
        if error.errno not in (errno.EPERM, errno.EACCES, errno.ENOTSUP):
            raise
