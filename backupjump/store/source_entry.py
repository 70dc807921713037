"""One line of a Desktop's list, read strictly: what is not exactly as a gate writes it is refused.

The line is the text that the store's manifest has of the same name, but for what stands at its end: `source`, which
holds inode, ctime in nanoseconds, number of links and, on another device than the source's, that device.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import cast

from backupjump.store.manifest import EntryType, Source

# As json writes it: ASCII, the shortest escape, lower case.
_TEXT = r'"[ !#-\[\]-~]*(?:\\(?:["\\bfnrt]|u[0-9a-f]{4})[ !#-\[\]-~]*)*"'
_NUMBER = r"(?:0|[1-9][0-9]{0,19})"
# Nanoseconds of any time that fits in 64 bits of seconds.
_TIME = r"(?:0|-?[1-9][0-9]{0,27})"
SOURCE_KEY = ',"source":['
"""What stands in a line before what the Desktop's file system keeps of a file."""
_UNREADABLE = ',"unreadable":1'
_SOURCE = rf"{re.escape(SOURCE_KEY)}({_NUMBER}),({_TIME}),({_NUMBER})(?:,(-?{_NUMBER}))?\]\}}\n?"
_LINE = re.compile(
    rf'\{{"path":({_TEXT}),"type":"(file|dir|symlink|fifo|socket|char|block)","mode":"([0-7]{{4}})"'
    rf',"uid":({_NUMBER}),"gid":({_NUMBER}),"size":({_NUMBER}),"mtime_ns":({_TIME})(?:,"target":({_TEXT}))?'
    rf'(?:,"rdev":\[({_NUMBER}),({_NUMBER})\])?({_UNREADABLE})?{_SOURCE}'
)
_END = re.compile(_SOURCE)
_MOST_ID = (1 << 32) - 1
_MOST_NUMBER = (1 << 64) - 1
_HAS_RDEV = ("char", "block")

_decoded = json.JSONDecoder().decode
_quoted = json.JSONEncoder().encode


@dataclass(frozen=True, slots=True)
class SourceEntry:
    """One name on the Desktop as its gate lists it. Fields are a manifest's; `dev` is None on the source's own device.

    `unreadable`: a folder that could not be looked into, so that nothing below it is listed; a symlink whose target
    could not be read; or, with zeros all over, a name that could not be looked at, of whatever type it is.
    """

    path: bytes
    type: EntryType
    mode: int
    uid: int
    gid: int
    size: int
    mtime_ns: int
    ino: int
    ctime_ns: int
    nlink: int
    dev: int | None = None
    target: bytes | None = None
    rdev: tuple[int, int] | None = None
    unreadable: bool = False

    @property
    def source(self) -> Source:
        """What a manifest keeps of it."""
        return self.ino, self.ctime_ns, self.nlink


def parse_line(line: str) -> SourceEntry:
    """Return the entry of one line, with its newline or without; ValueError for anything that a gate does not write.

    The path goes nowhere but down: no part of it is empty, `.` or `..`. Whether it is below the source, and behind
    the line before, is the caller's to compare (store.manifest.sort_key).
    """
    found = _LINE.fullmatch(line)
    if found is None:
        raise ValueError("not a line of a list")
    path, kind, mode, uid, gid, size, mtime_ns, target, major, minor, unreadable, ino, ctime_ns, nlink, dev = (
        found.groups()
    )
    entry = SourceEntry(
        path=_bytes(path),
        type=cast("EntryType", kind),
        mode=int(mode, 8),
        uid=_at_most(_MOST_ID, uid),
        gid=_at_most(_MOST_ID, gid),
        size=_at_most(_MOST_NUMBER, size),
        mtime_ns=int(mtime_ns),
        ino=_at_most(_MOST_NUMBER, ino),
        ctime_ns=int(ctime_ns),
        nlink=_at_most(_MOST_NUMBER, nlink),
        dev=None if dev is None else int(dev),
        target=None if target is None else _bytes(target),
        rdev=None if major is None else (_at_most(_MOST_ID, major), _at_most(_MOST_ID, minor)),
        unreadable=unreadable is not None,
    )
    _check(entry)
    return entry


def plain_source(line: str) -> Source | None:
    """Return what a manifest keeps of a line, without reading the rest of it.

    None for what could not be read or is on another device, and for a line that no gate writes.
    """
    at = line.rfind(SOURCE_KEY)
    found = _END.fullmatch(line, at) if at > 0 else None
    if found is None or found[4] is not None or line.endswith(_UNREADABLE, 0, at):
        return None
    ino, ctime_ns, nlink = int(found[1]), int(found[2]), int(found[3])
    return (ino, ctime_ns, nlink) if max(ino, nlink) <= _MOST_NUMBER else None


def _check(entry: SourceEntry) -> None:
    if b"\0" in entry.path or not {b"", b".", b".."}.isdisjoint(entry.path.split(b"/") if entry.path else ()):
        raise ValueError("a path that leads elsewhere")
    if (entry.target is not None) != (entry.type == "symlink" and not entry.unreadable):
        raise ValueError("a target where there can be none, or none where one must be")
    if (entry.rdev is not None) != (entry.type in _HAS_RDEV):
        raise ValueError("a device number where there can be none, or none where one must be")
    if entry.target is not None and (b"\0" in entry.target or len(entry.target) != entry.size):
        raise ValueError("not a symlink's target")
    if entry.size and entry.type not in ("file", "symlink"):
        raise ValueError("a size where there can be none")
    if entry.unreadable and entry.type == "file" and (entry.ino, entry.nlink, entry.mode) != (0, 0, 0):
        raise ValueError("a file that could not be looked at, and was")


def _bytes(quoted: str) -> bytes:
    """Return the name that the text in quotes stands for; ValueError if json would write that name otherwise."""
    if "\\" not in quoted:
        return quoted[1:-1].encode("ascii")
    name: bytes = _decoded(quoted).encode("utf-8", "surrogateescape")
    if _quoted(name.decode("utf-8", "surrogateescape")) != quoted:
        raise ValueError("a name that is written in another way")
    return name


def _at_most(most: int, number: str) -> int:
    if (value := int(number)) > most:
        raise ValueError("a number that is too large")
    return value
