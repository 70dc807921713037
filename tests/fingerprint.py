"""All that must never change in a snapshot, as a value that two points in time can be compared by."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Print:
    """One name: type and permissions, owner, size, time, xattrs and ACLs, content, and which names are one file."""

    mode: str
    owner: tuple[int, int]
    size: int
    mtime_ns: int
    xattrs: tuple[tuple[str, bytes], ...]
    content: str
    same_file_as: tuple[str, ...]


def fingerprint(tree: Path) -> dict[str, Print]:
    """Return the print of `tree` itself, under ".", and of every name below it by its path from there."""
    paths = sorted([tree, *_below(tree)])
    names = {path: str(path.relative_to(tree)) for path in paths}
    groups: dict[int, list[str]] = {}
    for path in paths:
        groups.setdefault(path.lstat().st_ino, []).append(names[path])
    return {names[path]: _print(path, tuple(groups[path.lstat().st_ino])) for path in paths}


def _below(tree: Path) -> list[Path]:
    return [Path(folder) / name for folder, *kinds in os.walk(tree) for names in kinds for name in names]


def _print(path: Path, group: tuple[str, ...]) -> Print:
    status = path.lstat()
    return Print(
        mode=stat.filemode(status.st_mode),
        owner=(status.st_uid, status.st_gid),
        size=0 if stat.S_ISDIR(status.st_mode) else status.st_size,
        mtime_ns=status.st_mtime_ns,
        xattrs=_xattrs(path),
        content=_content(path, status),
        same_file_as=group,
    )


def _xattrs(path: Path) -> tuple[tuple[str, bytes], ...]:
    try:
        names = sorted(os.listxattr(path, follow_symlinks=False))
        return tuple((name, os.getxattr(path, name, follow_symlinks=False)) for name in names)
    except PermissionError:
        return (("unreadable", b""),)


def _content(path: Path, status: os.stat_result) -> str:
    if stat.S_ISLNK(status.st_mode):
        return str(path.readlink())
    if stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode):
        return f"device {status.st_rdev}"
    if not stat.S_ISREG(status.st_mode):
        return ""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except PermissionError:
        return "unreadable"
