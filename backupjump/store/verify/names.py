"""Which snapshots a damaged inode is in, and under which names."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from backupjump.store.snapshots import Snapshot
from backupjump.store.tree import walk
from backupjump.store.verify.content import found_at
from backupjump.store.verify.differences import Damage, Kind, Rules
from backupjump.store.verify.tree import examine

_OF_CONTENT = (Kind.CONTENT, Kind.UNREADABLE)


def named(damages: Iterable[Damage], snapshots: Sequence[Snapshot]) -> tuple[Damage, ...]:
    """Return each damage once, with all of `snapshots` (oldest first) and all names that hold its inode.

    The same path in the other snapshots is looked at first; only for names that this does not find all
    trees are searched.
    """
    order = {snapshot.id: number for number, snapshot in enumerate(snapshots)}
    once = _merged(damages)
    at_path = [replace(each, snapshots=tuple(_holders(each, snapshots))) for each in once]
    wanted = {each.inode for each in at_path if each.inode is not None and len(each.snapshots) < each.links}
    places = _search(wanted, snapshots) if wanted else {}
    return tuple(_completed(each, places, order) for each in at_path)


def with_copies(damages: Sequence[Damage], snapshots: Sequence[Snapshot], rules: Rules) -> tuple[Damage, ...]:
    """Return `damages` and those of the same files in snapshots that share blocks with theirs, but not the inode.

    Copies of a subvolume have the same inode numbers on another device each.
    """
    return (*damages, *(more for damage in damages for more in _copies(damage, snapshots, rules)))


def _copies(damage: Damage, snapshots: Sequence[Snapshot], rules: Rules) -> Iterator[Damage]:
    entry = damage.entry
    if damage.kind not in _OF_CONTENT or damage.inode is None or entry is None or entry.type != "file":
        return
    for snapshot in snapshots:
        with found_at(snapshot.tree, damage.path) as found:
            if found is None or found.inode == damage.inode or found.status.st_ino != damage.inode[1]:
                continue
            if (found.status.st_size, found.status.st_mtime_ns) != (entry.size, entry.mtime_ns):
                continue
            if any(problem.kind in _OF_CONTENT for problem in examine(found, entry, rules)):
                yield replace(damage, home=snapshot.id, snapshots=(snapshot.id,), inode=found.inode, also=())


def _merged(damages: Iterable[Damage]) -> list[Damage]:
    """Return one damage for each inode: several of the snapshots that were looked at may have it."""
    by_what: dict[object, Damage] = {}
    for each in damages:
        # Folders, and what is missing, are each snapshot's own.
        key = (each.inode, each.kind) if each.inode is not None else (each.home, each.kind, each.path)
        known = by_what.setdefault(key, each)
        if known is not each:
            also = known.also if each.path in (known.path, *known.also) else (*known.also, each.path)
            ids = tuple(dict.fromkeys((*known.snapshots, *each.snapshots)))
            by_what[key] = replace(known, snapshots=ids, also=also)
    return list(by_what.values())


def _holders(damage: Damage, snapshots: Sequence[Snapshot]) -> Iterator[str]:
    for snapshot in snapshots:
        if snapshot.id in damage.snapshots or (damage.inode is not None and _is_there(damage, snapshot)):
            yield snapshot.id


def _is_there(damage: Damage, snapshot: Snapshot) -> bool:
    with found_at(snapshot.tree, damage.path) as found:
        return found is not None and found.inode == damage.inode


def _search(
    inodes: set[tuple[int, int]], snapshots: Sequence[Snapshot]
) -> dict[tuple[int, int], list[tuple[str, bytes]]]:
    places: dict[tuple[int, int], list[tuple[str, bytes]]] = {inode: [] for inode in inodes}
    for snapshot in snapshots:
        for found in walk(snapshot.tree, on_error=lambda _path, _error: None):
            if found.inode in places and not found.is_folder:
                # The walk began at the tree, whose own name stands in no manifest.
                places[found.inode].append((snapshot.id, found.path))
    return places


def _completed(damage: Damage, places: dict[tuple[int, int], list[tuple[str, bytes]]], order: dict[str, int]) -> Damage:
    found = places.get(damage.inode, []) if damage.inode is not None else []
    ids = {*damage.snapshots, *(id_ for id_, _path in found)}
    also = {*damage.also, *(path for _id, path in found)} - {damage.path}
    return replace(
        damage,
        snapshots=tuple(sorted(ids, key=lambda id_: order.get(id_, len(order)))),
        also=tuple(sorted(also, key=os.fsencode)),
    )
