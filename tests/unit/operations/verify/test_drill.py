"""What a restore on trial takes from a snapshot, and that it tells when something does not come back."""

from __future__ import annotations

from pathlib import Path
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from backupjump.operations.verify.drill import FILES, MOST_BYTES, drill, pick_files, pick_folder
from backupjump.store.manifest import Entry, EntryType
from backupjump.store.marker import read_marker
from store_world import make_store, take, write
from verify_world import rot


def entry(path: bytes, *, type_: EntryType = "file", size: int = 1, hash_: str | None = "xxh128:ab") -> Entry:
    return Entry(path=path, type=type_, mode=0o644, uid=0, gid=0, size=size, mtime_ns=0, ino=1, hash=hash_)


@given(st.integers(0, 200), st.integers(0, 2**32))
def test_at_most_so_many_files_each_once(count: int, seed: int) -> None:
    entries = [entry(b"%d" % number) for number in range(count)]

    picked = pick_files(entries, count=FILES, random=Random(seed))

    assert len(picked) == len({each.path for each in picked}) == min(FILES, count)


def test_no_large_file_and_none_that_can_t_be_compared() -> None:
    entries = [
        entry(b"large", size=MOST_BYTES + 1),
        entry(b"unreadable", hash_=None),
        entry(b"folder", type_="dir", hash_=None),
        entry(b"small"),
    ]

    assert [each.path for each in pick_files(entries, count=FILES, random=Random(1))] == [b"small"]


def test_the_folder_is_a_small_one_of_which_all_can_be_compared() -> None:
    entries = [
        *(entry(b"many/%d" % number) for number in range(500)),
        entry(b"secret/a", hash_=None),
        entry(b"big/a", size=MOST_BYTES + 1),
        entry(b"small/a"),
    ]

    assert pick_folder(entries, (b"many", b"secret", b"big", b"small")) == b"small"
    assert pick_folder(entries, (b"many", b"secret", b"big")) is None


def test_what_does_not_come_back_as_it_was_is_told(tmp_path: Path) -> None:
    folder = make_store(tmp_path / "store")
    snapshot = take(folder, lambda staging: write(staging.tree / "home/me/file", b"good" * 100)).snapshot
    marker = read_marker(folder.store)

    sound = drill(snapshot, marker, store=folder.store, random=Random(1))
    rot(snapshot.tree / "home/me/file")
    rotten = drill(snapshot, marker, store=folder.store, random=Random(1))
    passed_over = drill(snapshot, marker, store=folder.store, random=Random(1), passed_over=[b"home/me/file"])

    assert (sound.files, sound.size_bytes, sound.failed) == (1, 400, ())
    assert rotten.failed == ("/home/me/file: content is not what was backed up",)
    assert passed_over.failed == ()
