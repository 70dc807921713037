"""What is wrong with a snapshot: a name in its tree compared with what the manifest says of it. Pure.

Hashes find rot and mistakes. They don't find tampering: who can write the tree can write the manifest too.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from backupjump.config.models import Ownership
from backupjump.escape import shown
from backupjump.store.manifest import Entry
from backupjump.store.marker import Marker

_SECOND_NS = 1_000_000_000


class Kind(StrEnum):
    """The worst that is wrong with a path. `meta` and `manifest` are the snapshot's own files beside the tree."""

    CONTENT = "content"
    UNREADABLE = "unreadable"
    MISSING = "missing"
    EXTRA = "extra"
    TYPE = "type"
    METADATA = "metadata"
    META = "meta"
    MANIFEST = "manifest"


@dataclass(frozen=True, kw_only=True)
class Damage:
    """One damaged path, found in the snapshot `home`. `what` is told to people; `snapshots` all have it, oldest first.

    `path` is a full one without the leading slash, empty for the snapshot's own files. `inode` is its
    device and inode on the disk (not for a folder), `links` how many names this has, `also` the other names,
    `entry` what the manifest says.
    """

    path: bytes
    kind: Kind
    what: str
    home: str
    snapshots: tuple[str, ...]
    also: tuple[bytes, ...] = ()
    inode: tuple[int, int] | None = None
    links: int = 1
    entry: Entry | None = None

    @property
    def name(self) -> str:
        """What is damaged, safe to show: the full path, or the snapshot."""
        return f"/{shown(self.path)}" if self.path else f"snapshot {self.home}"


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What a store can keep, and so what may be compared."""

    fake_super: bool
    owners: bool
    xattrs: bool
    nanoseconds: bool
    modes: bool = True

    @classmethod
    def of(cls, marker: Marker) -> Rules:
        """Return the rules for the store with a marker."""
        plain = marker.ownership is Ownership.PLAIN
        return cls(
            fake_super=marker.ownership is Ownership.FAKE_SUPER,
            owners=not plain,
            # Without -X, what hangs on a file (a label of the system's) is no copy of anything.
            xattrs=marker.xattrs and not plain,
            nanoseconds=marker.nanoseconds,
        )


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that is wrong with a name that is there."""

    kind: Kind
    what: str


def differences(entry: Entry, found: Entry, rules: Rules) -> tuple[Problem, ...]:
    """Return how a name differs from its manifest, all but the content; inode numbers may differ."""
    if found.type != entry.type:
        return (Problem(kind=Kind.TYPE, what=f"is a {found.type}, was a {entry.type}"),)
    return tuple(_content_like(entry, found)) + tuple(_metadata(entry, found, rules))


def _content_like(entry: Entry, found: Entry) -> Iterator[Problem]:
    if found.size != entry.size and entry.type == "file":
        yield Problem(kind=Kind.CONTENT, what=f"size is {found.size}, was {entry.size}")
    if found.target != entry.target:
        target = shown(found.target or b"")
        yield Problem(kind=Kind.CONTENT, what=f"points to {target}, pointed to {shown(entry.target or b'')}")
    if found.rdev != entry.rdev:
        yield Problem(kind=Kind.CONTENT, what=f"is device {found.rdev}, was {entry.rdev}")


def _metadata(entry: Entry, found: Entry, rules: Rules) -> Iterator[Problem]:
    # Every symlink of Linux has the same mode.
    if rules.modes and found.mode != entry.mode and entry.type != "symlink":
        yield _changed("mode", f"{found.mode:04o}", f"{entry.mode:04o}")
    if rules.owners and (found.uid, found.gid) != (entry.uid, entry.gid):
        yield _changed("owner", f"{found.uid}:{found.gid}", f"{entry.uid}:{entry.gid}")
    if _ticks(found.mtime_ns, rules) != _ticks(entry.mtime_ns, rules):
        yield _changed("mtime", _seconds(found.mtime_ns), _seconds(entry.mtime_ns))
    if rules.xattrs and found.xattrs != entry.xattrs:
        yield Problem(kind=Kind.METADATA, what="extended attributes or ACLs differ")


def _changed(name: str, now: str, then: str) -> Problem:
    return Problem(kind=Kind.METADATA, what=f"{name} is {now}, was {then}")


def _ticks(mtime_ns: int, rules: Rules) -> int:
    return mtime_ns if rules.nanoseconds else mtime_ns // _SECOND_NS


def _seconds(mtime_ns: int) -> str:
    return f"{mtime_ns // _SECOND_NS}.{mtime_ns % _SECOND_NS:09d}"


def mode_with_type(entry: Entry) -> int:
    """Return the permission bits together with the type, as a stat has them."""
    kinds = {
        "file": stat.S_IFREG,
        "dir": stat.S_IFDIR,
        "symlink": stat.S_IFLNK,
        "fifo": stat.S_IFIFO,
        "socket": stat.S_IFSOCK,
        "char": stat.S_IFCHR,
        "block": stat.S_IFBLK,
    }
    return kinds[entry.type] | entry.mode
