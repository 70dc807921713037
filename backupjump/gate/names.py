"""The names in a folder, in byte order, in little memory however many they are."""

from __future__ import annotations

import heapq
import os
from collections.abc import Iterator
from itertools import islice

_AT_ONCE = 50_000


def names_in_order(fd: int, *, at_once: int = _AT_ONCE) -> Iterator[str]:
    """Return the names in the open folder `fd` in the order of their bytes; all are read before it returns.

    A name that os.fsencode turns back into its bytes. Of more than `at_once` names only so many are ever texts of
    their own, for each of these takes three times the memory of its bytes.
    """
    packed: list[bytes] = []
    with os.scandir(fd) as entries:
        names = _next_sorted(entries, at_once)
        if len(names) < at_once:
            return iter(names)
        while names:
            packed.append(b"\0".join(map(os.fsencode, names)))
            names = _next_sorted(entries, at_once)
    return map(os.fsdecode, heapq.merge(*map(_unpacked, packed)))


def _next_sorted(entries: Iterator[os.DirEntry[str]], most: int) -> list[str]:
    names = [entry.name for entry in islice(entries, most)]
    # As text a byte that is no UTF-8 stands elsewhere than as a byte.
    names.sort(key=None if "".join(names).isascii() else os.fsencode)
    return names


def _unpacked(packed: bytes) -> Iterator[bytes]:
    begin = 0
    while begin < len(packed):
        end = packed.find(b"\0", begin)
        end = end if end >= 0 else len(packed)
        yield packed[begin:end]
        begin = end + 1
