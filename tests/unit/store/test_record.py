"""Comparing a fresh tree with its base: what is new, changed, gone, linked, and what is read at all."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from backupjump.run import Counts, Status
from backupjump.store.abreast import side_by_side
from backupjump.store.compare import lost_since
from backupjump.store.layout import JobFolder
from backupjump.store.manifest import Entry, read_manifest, sort_key
from backupjump.store.publish import Published, publish, record
from backupjump.store.record import Listed
from backupjump.store.stage import stage
from backupjump.store.staging import Staging
from backupjump.store.suspicion import Lost
from store_world import AT, RUN, make_store, opened, rsync_from, take, write

PATHS = st.lists(st.binary(min_size=1, max_size=3).filter(lambda name: not set(name) & {0}), unique=True, max_size=12)


def bare(path: bytes) -> Entry:
    return Entry(path=path, type="dir", mode=0, uid=0, gid=0, size=0, mtime_ns=0, ino=0)


@given(PATHS, PATHS)
def test_side_by_side_gives_every_path_once_with_both_sides(here: list[bytes], there: list[bytes]) -> None:
    tree, base = (sorted(map(bare, paths), key=lambda entry: sort_key(entry.path)) for paths in (here, there))

    pairs = list(side_by_side(tree, base))  # type: ignore[arg-type]

    assert [left for left, _ in pairs if left] == tree
    assert [right for _, right in pairs if right] == base
    assert all(left.path == right.path for left, right in pairs if left and right)
    assert len(pairs) == len({*here, *there})


@pytest.fixture
def folder(tmp_path: Path) -> JobFolder:
    return make_store(tmp_path / "store")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    write(home / "a", b"aaaa")
    write(home / "b", b"bbbbbb")
    write(home / "deep" / "c", b"c")
    (home / "link").symlink_to("a")
    return home


def pull(folder: JobFolder, home: Path) -> Published:
    return take(folder, rsync_from(home), sources=(str(home),))


def entries(published: Published, home: Path) -> dict[str, Entry]:
    top = os.fsencode(home.relative_to("/"))
    found = {os.path.relpath(entry.path, top).decode(): entry for entry in read_manifest(published.snapshot.manifest)}
    assert list(found) == sorted(found, key=lambda path: path.split("/"))
    return found


def test_the_first_snapshot_is_all_new(folder: JobFolder, home: Path) -> None:
    published = pull(folder, home)

    assert published.counts == Counts(files_total=3, bytes_total=11, files_new=3, bytes_new=11)
    found = entries(published, home)
    assert {path: entry.type for path, entry in found.items()} == {
        ".": "dir", "a": "file", "b": "file", "deep": "dir", "deep/c": "file", "link": "symlink",
    }  # fmt: skip
    assert found["link"].target == b"a"
    assert found["a"].hash == "xxh128:" + xxhash.xxh128(b"aaaa").hexdigest()


def test_an_unchanged_snapshot_is_all_linked_and_says_the_same(folder: JobFolder, home: Path) -> None:
    first = pull(folder, home)

    second = pull(folder, home)

    assert second.counts == Counts(files_total=3, bytes_total=11, files_linked=3, bytes_linked=11)
    names = ("a", "b", "deep/c", "link")
    assert [entries(first, home)[name] for name in names] == [entries(second, home)[name] for name in names]


def test_each_kind_of_change_is_counted(folder: JobFolder, home: Path) -> None:
    for name in ("mode", "time", "xattr", "gone", "becomes a link"):
        write(home / name, name.encode())
    pull(folder, home)
    write(home / "a", b"AAAAA", mtime=1_700_000_001)
    (home / "mode").chmod(0o600)
    os.utime(home / "time", (5, 5))
    os.setxattr(home / "xattr", "user.note", b"1")
    for name in ("gone", "becomes a link"):
        (home / name).unlink()
    (home / "becomes a link").symlink_to("a")
    (home / "link").unlink()
    write(home / "link", b"now a file")

    counts = pull(folder, home).counts

    assert counts == Counts(
        files_total=7,
        bytes_total=5 + 6 + 1 + 4 + 4 + 5 + 10,
        files_new=1,
        files_changed=4,
        files_deleted=2,
        files_linked=2,
        bytes_new=5 + 4 + 4 + 5 + 10,
        bytes_linked=6 + 1,
        files_copied=3,
        bytes_copied=4 + 4 + 5,
    )


def test_hard_links_are_counted_by_name_and_stored_once(folder: JobFolder, home: Path) -> None:
    (home / "again").hardlink_to(home / "a")
    first = pull(folder, home)
    (home / "more").hardlink_to(home / "a")

    second = pull(folder, home)

    assert (first.counts.files_total, first.counts.bytes_total, first.counts.bytes_new) == (4, 15, 11)
    assert (second.counts.files_new, second.counts.bytes_new) == (1, 0)
    found = entries(second, home)
    assert len({found[name].ino for name in ("a", "again", "more")}) == 1
    assert found["a"].hash == found["again"].hash == found["more"].hash


def test_the_hash_that_rsync_told_is_taken_for_a_regular_file_only(folder: JobFolder) -> None:
    def fill(staging: Staging) -> None:
        write(staging.tree / "home/me/file")
        (staging.tree / "home/me/link").symlink_to("file")

    told = {b"home/me/file": "md5:00", b"home/me/link": "md5:01", b"home/me": "md5:02"}
    published = take(folder, fill, hashes=told)

    hashes = [entry.hash for entry in read_manifest(published.snapshot.manifest)]
    assert hashes == [None, "md5:00", None]


def test_a_file_that_is_linked_is_not_read_again(folder: JobFolder, home: Path) -> None:
    first = pull(folder, home)
    stored = first.snapshot.tree / home.relative_to("/") / "a"
    times = stored.stat()
    stored.write_bytes(b"ROT!")
    os.utime(stored, ns=(times.st_atime_ns, times.st_mtime_ns))

    second = pull(folder, home)

    assert entries(second, home)["a"].hash == entries(first, home)["a"].hash


def test_a_file_whose_attributes_changed_keeps_the_hash_of_its_base(folder: JobFolder, home: Path) -> None:
    first = pull(folder, home)
    (home / "a").chmod(0o600)

    second = pull(folder, home)

    old, new = entries(first, home)["a"], entries(second, home)["a"]
    assert (new.mode, new.hash) == (0o600, old.hash)
    assert new.ino != old.ino


def test_a_base_whose_manifest_was_altered_is_not_believed(
    folder: JobFolder, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = pull(folder, home)
    first.snapshot.manifest.write_bytes(first.snapshot.manifest.read_bytes()[:-9])

    with caplog.at_level(logging.WARNING):
        second = pull(folder, home)

    assert second.counts.files_new == 3
    assert entries(second, home)["a"].hash == "xxh128:" + xxhash.xxh128(b"aaaa").hexdigest()
    assert "is damaged" in caplog.text


def test_two_sources_stand_in_one_order_whatever_the_config_says(folder: JobFolder) -> None:
    def fill(staging: Staging) -> None:
        for source in ("a b", "a", "Z"):
            write(staging.tree / source / "x")

    published = take(folder, fill, sources=("/a b", "/a", "/Z"))

    paths = [entry.path for entry in read_manifest(published.snapshot.manifest)]
    assert paths == [b"Z", b"Z/x", b"a", b"a/x", b"a b", b"a b/x"]


def test_the_source_slash_is_listed_without_a_name(folder: JobFolder) -> None:
    published = take(folder, lambda staging: write(staging.tree / "etc/x"), sources=("/",))

    assert [entry.path for entry in read_manifest(published.snapshot.manifest)] == [b"", b"etc", b"etc/x"]


def listed(folder: JobFolder, home: Path, *, status: Status = Status.OK) -> Listed:
    """Take a snapshot of `home` and return what recording it has shown."""
    with opened(folder) as store:
        staging = stage(store, folder, sources=(str(home),), run_id="r1", now=AT)
        rsync_from(home)(staging)
        recorded = record(store, staging, hashes={})
        publish(store, recorded, run=replace(RUN, status=status), how={})
    return recorded.listed


def test_what_is_linked_to_the_last_good_one_is_not_read_while_the_base_is_a_suspect_one(
    folder: JobFolder, home: Path
) -> None:
    listed(folder, home)
    content = {path: (path.read_bytes(), path.stat()) for path in home.rglob("*") if path.is_file()}
    for path in content:
        write(path, b"encrypted", mtime=1_700_000_009)
    listed(folder, home, status=Status.SUSPECT)
    for path, (restored, status) in content.items():
        path.write_bytes(restored)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    again = listed(folder, home)

    assert again.lost == Lost(files_before=3, files_now=3)
    assert (again.counts.files_changed, again.counts.files_linked) == (3, 3)
    assert (again.counts.bytes_new, again.counts.bytes_linked) == (0, 11)


def test_what_is_lost_is_counted_from_the_last_good_one_however_often_it_is_repeated(
    folder: JobFolder, home: Path
) -> None:
    listed(folder, home)
    write(home / "a", b"encrypted", mtime=1_700_000_009)
    (home / "b").rename(home / "moved")
    (home / "deep/c").unlink()
    expected = Lost(files_before=3, files_now=2, changed=1, deleted=1)

    assert [listed(folder, home, status=Status.SUSPECT).lost for _night in range(3)] == [expected] * 3


def test_nothing_is_lost_of_a_source_that_was_taken_off(folder: JobFolder, home: Path) -> None:
    listed(folder, home)

    assert listed(folder, home / "deep").lost == Lost(files_before=1, files_now=1)


def test_the_first_snapshot_has_nothing_to_lose(folder: JobFolder, home: Path) -> None:
    assert listed(folder, home).lost is None


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda path: path.chmod(0o600), "mode"),
        (lambda path: os.setxattr(path, "user.note", b"1"), "attributes"),
        (lambda path: os.utime(path, (5, 5)), "time"),
        (lambda _path: None, ""),
    ],
)
def test_what_mostly_made_files_be_stored_again_is_told(
    folder: JobFolder, home: Path, change: Callable[[Path], None], why: str
) -> None:
    listed(folder, home)
    change(home / "b")

    found = listed(folder, home)

    copied = 6 if why else 0
    assert (found.copied_why, found.counts.bytes_copied, found.counts.bytes_new) == (why, copied, copied)
    assert found.lost == Lost(files_before=3, files_now=3)


def test_what_does_not_count_is_not_lost(folder: JobFolder, home: Path) -> None:
    first = pull(folder, home)
    (home / "a").unlink()
    (home / "b").unlink()
    second = pull(folder, home)
    gone = os.fsencode((home / "a").relative_to("/"))

    lost = lost_since(first.snapshot, second.snapshot.manifest, counts=lambda path: path != gone)

    assert lost == Lost(files_before=2, files_now=1, deleted=1)
