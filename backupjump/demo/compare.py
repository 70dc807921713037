"""Hold two trees against each other, as a doubter would: kind, mode, owner, time, links, every byte."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Comparison:
    """How many names were compared, and those that differ, with what."""

    compared: int
    differences: tuple[str, ...]


def compare_trees(original: Path, copy: Path) -> Comparison:
    """Compare all that we can read below `original` with `copy`; a file we can't read is left out."""
    compared, differences = 0, []
    for folder, folders, files in os.walk(os.fsencode(original)):
        for name in (*folders, *files):
            path = os.path.join(folder, name)  # noqa: PTH118 (bytes: a name need not be text)
            if not os.path.islink(path) and not os.access(path, os.R_OK):  # noqa: PTH114
                continue
            compared += 1
            twin = os.fsencode(copy) + path[len(os.fsencode(original)) :]
            if what := _difference(path, twin):
                differences.append(f"{os.fsdecode(path)!a}: {what}")
    return Comparison(compared, tuple(differences))


def _difference(path: bytes, twin: bytes) -> str:
    try:
        one, other = os.lstat(path), os.lstat(twin)
    except FileNotFoundError:
        return "is missing"
    for what in ("st_mode", "st_uid", "st_gid", "st_mtime_ns"):
        if getattr(one, what) != getattr(other, what):
            return f"has another {what.removeprefix('st_')}"
    if stat.S_ISLNK(one.st_mode) and os.readlink(path) != os.readlink(twin):  # noqa: PTH115
        return "points elsewhere"
    if stat.S_ISREG(one.st_mode) and _bytes_of(path) != _bytes_of(twin):
        return "has other content"
    return ""


def _bytes_of(path: bytes) -> bytes:
    with open(path, "rb") as file:  # noqa: PTH123
        return file.read()
