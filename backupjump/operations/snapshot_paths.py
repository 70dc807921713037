"""Paths in a snapshot as people type them: full paths on the Desktop, read as bytes."""

from __future__ import annotations

import os
from base64 import b64encode
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from backupjump.errors import UsageError
from backupjump.escape import shown
from backupjump.run import mtime_at, rfc3339

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from backupjump.store.manifest import Entry


def desktop_path(text: str) -> bytes:
    """Return the path that `text` names, as manifests have it: no slash at either end; `/` is the empty one.

    Raises UsageError for a relative path and for one with `..` in it.
    """
    path = os.fsencode(text)
    parts = [part for part in path.split(b"/") if part not in (b"", b".")]
    if not path.startswith(b"/") or b".." in parts:
        raise UsageError(
            f"{shown(text)} is not a full path on the Desktop", hint="write it out, such as /home/me/notes"
        )
    return b"/".join(parts)


def path_json(path: bytes) -> dict[str, str]:
    """Return a path of a manifest as JSON values; the keys are API. `path` is text for people, `path_b64` the truth."""
    full = b"/" + path
    return {"path": full.decode("utf-8", "replace"), "path_b64": b64encode(full).decode("ascii")}


def entry_json(entry: Entry) -> dict[str, Any]:
    """Return an entry as JSON values; the keys are API."""
    return {
        **path_json(entry.path),
        "type": entry.type,
        "mode": f"{entry.mode:04o}",
        "size": entry.size,
        "mtime": rfc3339(mtime_at(entry.mtime_ns)),
    }


def under(path: bytes, folder: bytes) -> bool:
    """Whether `path` is somewhere below `folder` (not the folder itself); all paths are below the empty one."""
    return path.startswith(folder + b"/") or (not folder and bool(path))


def parent(path: bytes) -> bytes:
    """Return the folder that `path` is in."""
    return path.rpartition(b"/")[0]


def select(entries: Iterable[Entry], wanted: Collection[bytes]) -> Iterator[tuple[Entry, bool]]:
    """Yield the entries at and below the paths `wanted` with True, and the folders above these with False."""
    roots = frozenset(wanted)
    above = {folder for path in roots for folder in ancestors(path)}
    inside: bytes | None = None
    for entry in entries:
        if inside is not None and under(entry.path, inside):
            yield entry, True
        elif entry.path in roots or not roots.isdisjoint(ancestors(entry.path)):
            inside = entry.path
            yield entry, True
        elif entry.path in above:
            yield entry, False


def ancestors(path: bytes) -> Iterator[bytes]:
    """Yield the folders that `path` is in, nearest first; the last one is the empty path."""
    while path:
        path = parent(path)
        yield path


def unknown_path(
    path: bytes, entries: Iterable[Entry], *, job: str = "JOB", told: str = "the snapshot has no"
) -> UsageError:
    """Return the error for a path that no entry has, with the nearest name in the folder that it would be in.

    Only names beside the path and beside the folders above it are kept while `entries` are read.
    """
    parts = path.split(b"/")
    deepest, names = 0, set[bytes]()
    for entry in entries:
        # The folders above a source can be asked for as well, though no manifest lists them.
        there = entry.path.split(b"/")
        common = next((at for at, (one, other) in enumerate(zip(parts, there, strict=False)) if one != other), None)
        common = min(len(parts), len(there)) if common is None else common
        if common > deepest:
            deepest, names = common, set()
        if common == deepest < len(there):
            names.add(there[common])
    folder = b"/".join(parts[:deepest])
    beside = f"/{shown(folder)}/" if folder else "/"
    near = get_close_matches(shown(parts[min(deepest, len(parts) - 1)]), map(shown, names), n=1)
    hint = f"did you mean {beside}{near[0]}?" if near else f"backupjump ls {job} /{shown(folder)} lists what is there"
    return UsageError(f"{told} /{shown(path)}", hint=hint)
