"""Disks that are full, read-only, or not there: a clear error, and nothing written."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from backupjump.errors import NoStore, StoreError, StoreFull
from backupjump.operations.store_init import init_store
from backupjump.process import run
from backupjump.store.publish import publish, record
from backupjump.store.snapshots import list_snapshots
from backupjump.store.stage import check_room, stage
from backupjump.store.staging import Staging
from backupjump.store.store import open_store
from fingerprint import fingerprint
from store_world import AT, MARKER, RUN, attempt, make_store, take, write

pytestmark = [pytest.mark.lab, pytest.mark.needs_root]

Mount = Callable[[str], Path]


def command(*argv: str | Path) -> None:
    done = run([str(word) for word in argv], timeout=30)
    assert done.status == 0, done.stderr


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Mount]:
    """Mount a small filesystem in memory, with the options given, and give its folder."""
    mounted: list[Path] = []

    def mount_one(options: str) -> Path:
        folder = tmp_path / f"disk{len(mounted)}"
        folder.mkdir()
        command("mount", "-t", "tmpfs", "-o", options, "backupjump-test", folder)
        mounted.append(folder)
        return folder

    yield mount_one
    for folder in mounted:
        command("umount", folder)


def one_file(staging: Staging) -> None:
    write(staging.tree / "home/me/notes")


def test_a_disk_with_hardly_any_room_is_refused_with_numbers(mount: Mount) -> None:
    folder = make_store(mount("size=8m"))
    before = fingerprint(folder.store)

    with (
        open_store(folder.store, uuid=MARKER.uuid) as store,
        pytest.raises(StoreFull, match=r"has [67] MiB free, a run needs 16 MiB"),
    ):
        check_room(store, folder)

    assert fingerprint(folder.store) == before


def test_a_disk_with_hardly_any_inodes_is_refused_with_numbers(mount: Mount) -> None:
    folder = make_store(mount("size=64m,nr_inodes=100"))
    before = fingerprint(folder.store)

    with (
        open_store(folder.store, uuid=MARKER.uuid) as store,
        pytest.raises(StoreFull, match=r"has \d\d inodes free, a run needs 200"),
    ):
        check_room(store, folder)

    assert fingerprint(folder.store) == before


def test_what_a_broken_attempt_got_is_given_up_before_a_full_store_blocks_its_job(mount: Mount) -> None:
    folder = make_store(mount("size=40m"))
    kept = take(folder, one_file).snapshot
    attempt(folder, lambda staging: write(staging.tree / "home/me/large", bytes(30_000_000)))

    with open_store(folder.store, uuid=MARKER.uuid) as store:
        check_room(store, folder)
    published = take(folder, one_file)

    assert [snapshot.id for snapshot in list_snapshots(folder)] == [kept.id, published.snapshot.id]


def test_a_disk_that_fills_up_before_the_manifest_is_written_publishes_nothing(mount: Mount) -> None:
    folder = make_store(mount("size=40m"))
    kept = take(folder, one_file).snapshot
    before = fingerprint(kept.path)

    def fill_the_disk(staging: Staging) -> None:
        with pytest.raises(OSError, match="No space left"):
            write(staging.tree / "home/me/large", bytes(60_000_000))

    with pytest.raises(StoreFull, match="No space left"):
        take(folder, fill_the_disk)

    assert [snapshot.id for snapshot in list_snapshots(folder)] == [kept.id]
    assert fingerprint(kept.path) == before


def test_a_disk_that_turns_read_only_publishes_nothing_and_says_so(mount: Mount) -> None:
    folder = make_store(mount("size=40m"))
    kept = take(folder, one_file).snapshot
    # Without the job's lock: a file that is open for writing would keep mount(8) from doing it.
    with open_store(folder.store, uuid=MARKER.uuid) as store:
        staging = stage(store, folder, sources=("/home/me",), run_id="r2", now=AT)
        command("mount", "-o", "remount,ro", folder.store)
        before = fingerprint(folder.store)

        with pytest.raises(StoreError, match="Read-only") as caught:
            publish(store, record(store, staging, hashes={}), run=RUN, how={})

    assert "read-only" in caught.value.hint
    assert fingerprint(folder.store) == before
    assert [snapshot.id for snapshot in list_snapshots(folder)] == [kept.id]


def test_a_read_only_disk_is_refused_and_not_touched(mount: Mount) -> None:
    folder = make_store(mount("size=40m"))
    command("mount", "-o", "remount,ro", folder.store)
    before = fingerprint(folder.store)

    with pytest.raises(StoreError, match="read-only filesystem"):
        open_store(folder.store, uuid=MARKER.uuid)

    assert fingerprint(folder.store) == before


def test_no_store_is_made_on_a_read_only_disk(mount: Mount) -> None:
    folder = mount("size=40m")
    command("mount", "-o", "remount,ro", folder)

    with pytest.raises(StoreError, match="Read-only"):
        init_store(folder)

    assert list(folder.iterdir()) == []


def test_no_store_is_made_on_a_disk_that_is_full_and_nothing_is_left(mount: Mount) -> None:
    folder = mount("size=64k,nr_inodes=50,mode=0755")
    with pytest.raises(OSError, match="No space left"):
        write(folder / "lost+found" / "fill", bytes(100_000))

    with pytest.raises(StoreFull):
        init_store(folder)

    assert [path.name for path in folder.iterdir()] == ["lost+found"]


def test_an_unmounted_disk_is_an_empty_folder_and_stays_one(mount: Mount, tmp_path: Path) -> None:
    disk = mount("size=40m")
    folder = make_store(disk)
    take(folder, one_file)
    command("umount", disk)
    try:
        with pytest.raises(NoStore, match="is not a store"):
            open_store(disk, uuid=MARKER.uuid)

        assert list(disk.iterdir()) == []
    finally:
        command("mount", "-t", "tmpfs", "backupjump-test", disk)


def test_a_disk_in_use_by_a_run_can_not_be_unmounted_under_it(mount: Mount) -> None:
    disk = mount("size=40m")
    make_store(disk)

    with open_store(disk, uuid=MARKER.uuid):
        done = run(["umount", str(disk)], timeout=30)

    assert done.status != 0
    assert b"busy" in done.stderr
    assert os.path.ismount(disk)


@pytest.fixture
def failing_disk(mount: Mount, tmp_path: Path) -> Iterator[Path]:
    """A disk that takes writes and loses them: a sparse image that is larger than the memory it lies in."""
    image = mount("size=40m") / "image"
    image.touch()
    os.truncate(image, 400_000_000)
    command("mkfs.ext4", "-q", "-E", "lazy_itable_init=1,lazy_journal_init=1", "-O", "^has_journal", image)
    disk = tmp_path / "failing"
    disk.mkdir()
    command("mount", "-o", "loop", image, disk)
    yield disk
    command("umount", disk)


def test_a_disk_that_loses_what_was_written_publishes_nothing(failing_disk: Path) -> None:
    folder = make_store(failing_disk)
    kept = take(folder, one_file).snapshot

    with pytest.raises(StoreError, match="Input/output error"):
        take(folder, lambda staging: write(staging.tree / "home/me/large", os.urandom(70_000_000)))

    assert [snapshot.id for snapshot in list_snapshots(folder)] == [kept.id]
    assert list(folder.work.iterdir()) == []
