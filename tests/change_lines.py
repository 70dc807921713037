"""Lines of manifests and of lists for tests of what compares them."""

from __future__ import annotations

from typing import Any

from backupjump.store.change_list import Change
from backupjump.store.manifest import Entry, Source, to_line
from backupjump.store.source_entry import SourceEntry, parse_line

NOW_NS = 1_800_000_000_000_000_000
OLD_NS = 1_700_000_000_000_000_000
SOURCE: Source = (77, OLD_NS, 1)


def entry(path: bytes, **more: Any) -> Entry:
    """Return an entry of a manifest: a file of seven bytes unless `more` says otherwise."""
    fields: dict[str, Any] = {
        "type": "file", "mode": 0o644, "uid": 1000, "gid": 1000, "size": 7, "mtime_ns": OLD_NS, "ino": 5,
        "hash": "md5:00", "source": SOURCE,
    }  # fmt: skip
    return Entry(path=path, **{**fields, **more})


def folder(path: bytes, **more: Any) -> Entry:
    """Return the entry of a folder."""
    return entry(path, **{"type": "dir", "mode": 0o755, "size": 0, "hash": None, **more})


def listed(of: Entry, **more: Any) -> SourceEntry:
    """Return what a list says of the name `of`, in `more` another than the manifest."""
    ino, ctime_ns, nlink = of.source or (0, 0, 0)
    fields: dict[str, Any] = {
        name: getattr(of, name) for name in ("path", "type", "mode", "uid", "gid", "size", "mtime_ns", "target", "rdev")
    }
    return SourceEntry(**{**fields, "ino": ino, "ctime_ns": ctime_ns, "nlink": nlink, **more})


def list_line(now: SourceEntry) -> str:
    """Return a list's line, as a gate writes it."""
    source = (now.ino, now.ctime_ns, now.nlink)
    line = to_line(
        Entry(
            path=now.path,
            type=now.type,
            mode=now.mode,
            uid=now.uid,
            gid=now.gid,
            size=now.size,
            mtime_ns=now.mtime_ns,
            ino=0,
            target=now.target,
            rdev=now.rdev,
            source=source,
        )
    ).replace(',"ino":0', "")
    if now.unreadable:
        line = line.replace(',"source":', ',"unreadable":1,"source":')
    if now.dev is not None:
        line = line.replace("]}\n", f",{now.dev}]}}\n")
    assert parse_line(line) == now
    return line


def change(old: Entry | None, now: SourceEntry | None) -> Change:
    """Return a change from the one to the other."""
    path = now.path if now is not None else old.path if old is not None else b""
    return Change(path, old, now)
