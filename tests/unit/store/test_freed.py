"""What deleting snapshots gives back, beside a count of every name of every inode."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import timedelta
from itertools import combinations
from pathlib import Path
from random import Random

import pytest

from backupjump.config.models import StoreKind
from backupjump.store.freed import exclusive_bytes, freed_alone, freed_by, read_exclusive
from backupjump.store.snapshots import Snapshot
from backupjump.store.staging import Staging
from store_world import AT, make_store, take, write

NAMES = ("a", "b", "deep/a", "deep/er/c", 'odd ","type":"dir",\n')
SIZES = (0, 1, 5000, 70_000)


def filled(staging: Staging, older: Sequence[Snapshot], random: Random) -> None:
    """Put files into the tree: new ones, links to any older snapshot's as rsync makes them, and links to each other."""
    home = staging.tree / "home/me"
    for name in NAMES:
        place = home / name
        place.parent.mkdir(parents=True, exist_ok=True)
        way = random.random()
        bases = [each.tree / "home/me" / name for each in older if (each.tree / "home/me" / name).is_file()]
        here = [each for each in home.rglob("*") if each.is_file()]
        if way < 0.6 and bases:
            place.hardlink_to(bases[-1] if random.random() < 0.7 else random.choice(bases))
        elif way < 0.75 and here:
            place.hardlink_to(random.choice(here))
        elif way < 0.9:
            write(place, os.urandom(random.choice(SIZES)), mtime=random.randrange(10**9))


def store_of(path: Path, random: Random) -> tuple[Snapshot, ...]:
    folder, taken = make_store(path), list[Snapshot]()
    for number in range(5):
        fresh = take(folder, lambda staging: filled(staging, taken, random), at=AT + timedelta(days=number))
        taken.append(fresh.snapshot)
    return tuple(taken)


def truth(snapshots: Sequence[Snapshot], going: Collection[str]) -> int:
    """Count all names of all inodes, and the blocks of those of which every name goes."""
    names: Counter[int] = Counter()
    found: dict[int, os.stat_result] = {}
    for snapshot in snapshots:
        if snapshot.id in going:
            for path in (snapshot.path, *snapshot.path.rglob("*")):
                status = path.lstat()
                names[status.st_ino] += 1
                found[status.st_ino] = status
    whole = (found[ino] for ino, count in names.items() if found[ino].st_nlink == count or not is_file(found[ino]))
    return sum(status.st_blocks * 512 for status in whole)


def is_file(status: os.stat_result) -> bool:
    return (status.st_mode & 0o170000) == 0o100000


@pytest.mark.parametrize("seed", range(6))
def test_whatever_goes_what_comes_back_is_what_has_no_name_left(tmp_path: Path, seed: int) -> None:
    snapshots = store_of(tmp_path / "store", Random(seed))
    ids = [each.id for each in snapshots]

    for count in range(len(ids) + 1):
        for going in combinations(ids, count):
            assert freed_by(snapshots, going, StoreKind.HARDLINK).size_bytes == truth(snapshots, going), going
    alone = {snapshot.id: freed.size_bytes for snapshot, freed in freed_alone(snapshots, StoreKind.HARDLINK)}
    assert alone == {id_: truth(snapshots, [id_]) for id_ in ids}


def test_a_neighbour_that_can_not_be_read_costs_time_and_changes_nothing(tmp_path: Path) -> None:
    snapshots = store_of(tmp_path / "store", Random(7))
    readable = (*snapshots[:1], *snapshots[2:])

    for going in combinations([each.id for each in readable], 2):
        assert freed_by(readable, going, StoreKind.HARDLINK).size_bytes == truth(snapshots, going)


def test_what_can_not_be_looked_at_makes_it_the_least(tmp_path: Path) -> None:
    snapshots = store_of(tmp_path / "store", Random(0))
    before = freed_by(snapshots, [snapshots[0].id], StoreKind.HARDLINK)
    (snapshots[0].tree / "home").rename(tmp_path / "away")

    after = freed_by(snapshots, [snapshots[0].id], StoreKind.HARDLINK)

    assert (before.at_least, after.at_least) == (False, True)
    assert (after.size_bytes or 0) < (before.size_bytes or 0)


@pytest.mark.parametrize(
    ("printed", "size"),
    [
        (b"     Total   Exclusive  Set shared  Filename\n   1056768     1048576        8192  /s/tree\n", 1048576),
        (b"     Total   Exclusive  Set shared  Filename\n         0           0           0  /s/new\nline\n", None),
        (b"", None),
        (b"nothing of the kind\n", None),
    ],
)
def test_what_btrfs_says_is_read_or_is_not_known(printed: bytes, size: int | None) -> None:
    assert read_exclusive(printed) == size


def test_where_it_is_no_btrfs_nothing_is_known(tmp_path: Path) -> None:
    assert exclusive_bytes(tmp_path / "none") is None
