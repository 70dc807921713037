"""Find out by doing what the filesystem of a folder can keep."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import tempfile
from dataclasses import dataclass
from pathlib import Path

from backupjump.store import subvolume
from backupjump.store.tree import remove_tree

# linux/posix_acl_xattr.h: version 2, then (tag, permissions, id) for the owner, one more user, the group,
# the mask and all others. The entry for one more user is what plain permission bits can't hold.
_NO_ID = 0xFFFFFFFF
_ACL_ENTRIES = ((0x01, 6, _NO_ID), (0x02, 4, 12345), (0x04, 4, _NO_ID), (0x10, 4, _NO_ID), (0x20, 0, _NO_ID))
_ACL = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in _ACL_ENTRIES)
_ODD_NANOSECONDS = 1_000_000_000_123_456_789


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What a filesystem really did when it was asked."""

    hard_links: bool
    xattrs: bool
    acls: bool
    nanoseconds: bool
    locks: bool
    no_subvolumes_why: str
    """Why snapshots can't be subvolumes; empty when they can."""


def probe(folder: Path) -> Capabilities:
    """Return what the filesystem of an existing `folder` can do, tried out in a folder that is gone afterwards.

    Raises OSError when nothing can be written there at all.
    """
    with tempfile.TemporaryDirectory(prefix=".backupjump-probe-", dir=folder) as name:
        scratch = Path(name)
        file = scratch / "file"
        file.touch()
        return Capabilities(
            hard_links=_links(file, scratch),
            xattrs=_keeps_xattr(file, "user.backupjump", b"probe"),
            acls=_keeps_xattr(file, "system.posix_acl_access", _ACL),
            nanoseconds=_keeps_nanoseconds(file),
            locks=_locks(file),
            no_subvolumes_why=_why_no_subvolumes(scratch),
        )


def _links(file: Path, scratch: Path) -> bool:
    # From one folder to another, as --link-dest does; some filesystems link within one folder alone.
    other = scratch / "folder" / "link"
    other.parent.mkdir()
    try:
        other.hardlink_to(file)
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO}:
            raise
        return False
    return other.stat().st_ino == file.stat().st_ino


def _why_no_subvolumes(scratch: Path) -> str:
    """Do with subvolumes all that a store does, as this user; return what did not work, empty when all did."""
    first, second = scratch / "first", scratch / "second"
    step = "made"
    try:
        subvolume.create(first)
        (first / "file").touch()
        step = "frozen"
        subvolume.set_read_only(first, read_only=True)
        step = "copied"
        subvolume.snapshot(first, second)
        (second / "file").write_bytes(b"changed")
        step = "deleted"
        for path in (first, second):
            _delete(path)
    except OSError as error:
        if error.errno in (errno.ENOTTY, errno.ENOTSUP):
            return "the filesystem is not btrfs"
        return f"this user's subvolumes can't be {step} there: {error.strerror}"
    return ""


def _delete(path: Path) -> None:
    fd = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if not subvolume.delete(path.name, folder_fd=fd):
            remove_tree(path.name, folder_fd=fd)
    finally:
        os.close(fd)


def _keeps_xattr(file: Path, name: str, value: bytes) -> bool:
    try:
        os.setxattr(file, name, value)
        return os.getxattr(file, name) == value
    except OSError:
        return False


def _keeps_nanoseconds(file: Path) -> bool:
    os.utime(file, ns=(_ODD_NANOSECONDS, _ODD_NANOSECONDS))
    return file.stat().st_mtime_ns == _ODD_NANOSECONDS


def _locks(file: Path) -> bool:
    with file.open("rb") as first, file.open("rb") as second:
        try:
            fcntl.flock(first, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        try:
            fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False
