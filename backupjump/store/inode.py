"""Read one name in a snapshot's tree as the Desktop had it, however the store keeps owners."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass

import xxhash

from backupjump.store.manifest import Entry, EntryType
from backupjump.store.tree import Found

# rsync(1), --fake-super, and xattrs.c: "%o %u,%u %u:%u" is the mode with its type, a device's major and
# minor, uid and gid; there is no such xattr where the inode itself says the same.
FAKE_STAT = "user.rsync.%stat"

_FAKE_STAT = re.compile(rb"([0-7]{1,7}) (\d{1,10}),(\d{1,10}) (\d{1,10}):(\d{1,10})\0?")
_BLOCK_BYTES = 1 << 20
_TARGET_LIMIT_BYTES = 1 << 16
_NO_XATTRS = frozenset({errno.ENOTSUP, errno.EACCES, errno.EPERM, errno.ENODATA})
TYPES: Mapping[int, EntryType] = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "dir",
    stat.S_IFLNK: "symlink",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "char",
    stat.S_IFBLK: "block",
}


@dataclass(frozen=True, slots=True)
class _Stat:
    """Type and permissions, owner and device number as they were on the Desktop."""

    mode: int
    uid: int
    gid: int
    rdev: tuple[int, int]


def read_entry(found: Found, *, fake_super: bool) -> Entry:
    """Return what a manifest says of `found`, without its content hash."""
    xattrs = _read_xattrs(found)
    real = _real_stat(found.status)
    seen = _fake_stat(xattrs.pop(FAKE_STAT, b""), real) if fake_super else real
    kind = TYPES[stat.S_IFMT(seen.mode)]
    return Entry(
        path=found.path,
        type=kind,
        mode=stat.S_IMODE(seen.mode),
        uid=seen.uid,
        gid=seen.gid,
        size=found.status.st_size if kind in ("file", "symlink") else 0,
        mtime_ns=found.status.st_mtime_ns,
        ino=found.status.st_ino,
        target=_read_target(found) if kind == "symlink" else None,
        rdev=seen.rdev if kind in ("char", "block") else None,
        xattrs=digest_xattrs(xattrs),
    )


def digest_xattrs(xattrs: Mapping[str, bytes]) -> str | None:
    """Return one digest of extended attributes, ACLs among them; None when there are none."""
    if not xattrs:
        return None
    digest = hashlib.sha256()
    for name, value in sorted((os.fsencode(name), value) for name, value in xattrs.items()):
        digest.update(b"%d:%s\0%d:" % (len(name), name, len(value)) + value)
    return f"sha256:{digest.hexdigest()}"


def hash_content(found: Found) -> str | None:
    """Return the hash of a regular file's content, None when we may not read it."""
    try:
        fd = os.open(found.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=found.folder_fd)
    except PermissionError:
        return None
    digest = xxhash.xxh3_128()
    with os.fdopen(fd, "rb", buffering=0) as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return f"xxh128:{digest.hexdigest()}"


def _real_stat(status: os.stat_result) -> _Stat:
    device = (os.major(status.st_rdev), os.minor(status.st_rdev))
    return _Stat(mode=status.st_mode, uid=status.st_uid, gid=status.st_gid, rdev=device)


def _fake_stat(value: bytes, real: _Stat) -> _Stat:
    match = _FAKE_STAT.fullmatch(value)
    if match is None or stat.S_IFMT(int(match[1], 8)) not in TYPES:
        return real
    return _Stat(mode=int(match[1], 8), uid=int(match[4]), gid=int(match[5]), rdev=(int(match[2]), int(match[3])))


def _read_target(found: Found) -> bytes:
    if stat.S_ISLNK(found.status.st_mode):
        return os.fsencode(os.readlink(found.name, dir_fd=found.folder_fd))
    # Under --fake-super a symlink is a regular file that holds its target.
    fd = os.open(found.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=found.folder_fd)
    with os.fdopen(fd, "rb") as file:
        return file.read(_TARGET_LIMIT_BYTES)


def _read_xattrs(found: Found) -> dict[str, bytes]:
    path = found.proc_path
    try:
        return {
            name: os.getxattr(path, name, follow_symlinks=False) for name in os.listxattr(path, follow_symlinks=False)
        }
    except OSError as error:
        if error.errno in _NO_XATTRS:
            return {}
        raise
