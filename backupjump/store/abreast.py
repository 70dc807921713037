"""Read what was listed in the same order side by side, path by path: a tree, the manifests of snapshots."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

from backupjump.store.manifest import Entry, read_manifest, sort_key
from backupjump.store.snapshots import Snapshot, checked
from backupjump.store.tree import Found

log = logging.getLogger(__name__)


class _Placed(Protocol):
    """What is listed has a path."""

    @property
    def path(self) -> bytes: ...


_Left = TypeVar("_Left")
_Right = TypeVar("_Right", bound=_Placed)

Row = tuple[Found | None, Entry | None, Entry | None]


def entries_of(base: Snapshot | None) -> Iterator[Entry] | None:
    """Return the entries of a base; None, and a word in the log, when its manifest is not the one that was written."""
    if base is None:
        return None
    if checked(base).problem:
        log.warning("the manifest of %s is damaged: every file is read again and counted as new", base.id)
        return None
    return read_manifest(base.manifest)


def side_by_side(found: Iterable[Found], entries: Iterable[Entry]) -> Iterator[tuple[Found | None, Entry | None]]:
    """Yield what the tree has and what the base had under each path, in a manifest's order; None where one lacks it."""
    return abreast(found, entries, left_path=lambda each: each.path)


def abreast(
    left: Iterable[_Left], right: Iterable[_Right], *, left_path: Callable[[_Left], bytes]
) -> Iterator[tuple[_Left | None, _Right | None]]:
    """Yield what two lists, each in a manifest's order, have under each path; None where one lacks it."""
    lefts, rights = iter(left), iter(right)
    here, there = next(lefts, None), next(rights, None)
    while here is not None or there is not None:
        if here is not None and there is not None and left_path(here) == there.path:
            yield here, there
            here, there = next(lefts, None), next(rights, None)
            continue
        here_key = sort_key(left_path(here)) if here is not None else None
        there_key = sort_key(there.path) if there is not None else None
        if there_key is None or (here_key is not None and here_key < there_key):
            yield here, None
            here = next(lefts, None)
        else:
            yield None, there
            there = next(rights, None)


def three_abreast(pairs: Iterable[tuple[Found | None, Entry | None]], entries: Iterable[Entry]) -> Iterator[Row]:
    """Yield with each of `side_by_side`'s pairs what a third list has under its path."""
    for pair, third in abreast(pairs, entries, left_path=_path_of):
        yield (*(pair or (None, None)), third)


def _path_of(pair: tuple[Found | None, Entry | None]) -> bytes:
    there = pair[0] or pair[1]
    assert there is not None
    return there.path
