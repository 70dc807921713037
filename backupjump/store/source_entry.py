"""One line of the list that a Desktop sends of its files: what it says of one name, checked.

The line is a stranger's. It has the form of a manifest's line up to the time, so that most lines need not be read at
all (change_list.py); this is for the others.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from backupjump.store.manifest import EntryType, Source, entry_types

_MOST = 1 << 63
_decoded = json.JSONDecoder().raw_decode


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceEntry:
    """One name on the Desktop. `path` is its full one without the leading slash; `mode` holds permission bits alone.

    `dev` is None on the device of the list's root. `unreadable`: a folder that the account there may not list.
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
    """Return what a line says; ValueError for anything that no gate writes."""
    try:
        values, end = _decoded(line)
        if line[end:] != "\n" or values["type"] not in entry_types():
            raise ValueError("an unknown type, or something behind the entry")
        ino, ctime_ns, nlink, *dev = values["source"]
        target, rdev = values.get("target"), values.get("rdev")
        return SourceEntry(
            path=_path(values["path"]),
            type=values["type"],
            mode=int(_text(values["mode"]), 8) & 0o7777,
            uid=_number(values["uid"]),
            gid=_number(values["gid"]),
            size=_number(values["size"]),
            mtime_ns=_number(values["mtime_ns"], least=-_MOST),
            ino=_number(ino),
            ctime_ns=_number(ctime_ns, least=-_MOST),
            nlink=_number(nlink),
            dev=_number(dev[0]) if dev else None,
            target=None if target is None else _bytes(target),
            rdev=None if rdev is None else (_number(rdev[0]), _number(rdev[1])),
            unreadable=values.get("unreadable") == 1,
        )
    except (KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        raise ValueError(f"no entry of a list: {error!r}") from error


def _path(text: Any) -> bytes:
    path = _bytes(text)
    if b"\0" in path or (path and not {b"", b".", b".."}.isdisjoint(path.split(b"/"))):
        raise ValueError("a path that is none")
    return path


def _bytes(text: Any) -> bytes:
    return _text(text).encode("utf-8", "surrogateescape")


def _text(value: Any) -> str:
    if type(value) is not str:
        raise ValueError("no text where one belongs")
    return value


def _number(value: Any, *, least: int = 0) -> int:
    if type(value) is not int or not least <= value < _MOST * 2:
        raise ValueError("no number where one belongs")
    return value
