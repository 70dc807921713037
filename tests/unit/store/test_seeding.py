from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from backupjump.config.models import PARTIAL_FOLDER, Gates
from backupjump.errors import StoreFull, UsageError
from backupjump.operations.seeding import is_much
from backupjump.run import Run, Status
from backupjump.store.find import find_snapshot
from backupjump.store.gathered import gather
from backupjump.store.layout import JobFolder
from backupjump.store.marks import Hold, read_marks, write_marks
from backupjump.store.repair import mend
from backupjump.store.room import Room
from backupjump.store.seeding import publish_seeding, retire_superseded, superseded
from backupjump.store.settled import settle
from backupjump.store.snapshots import Snapshot, last_taken_at, list_snapshots, newest_good, newest_usable
from backupjump.store.stage import stage
from backupjump.store.staging import Staging
from backupjump.store.store import Store
from backupjump.store.suspicion import Lost
from fingerprint import fingerprint
from store_world import AT, RUN, Fill, make_store, opened, take, write

BROKEN_OFF: Run = replace(RUN, status=Status.INTERRUPTED, exit_code=75)


@pytest.fixture
def folder(tmp_path: Path) -> JobFolder:
    return make_store(tmp_path / "store")


def break_off(folder: JobFolder, fill: Fill, *, hours: int = 0) -> Snapshot | None:
    now = AT + timedelta(hours=hours)
    with opened(folder) as store:
        staging = stage(store, folder, sources=("/home/me",), run_id=f"r{hours}", now=now)
        fill(staging)
        settle(store, folder, staging.path)
        return publish_seeding(store, staging, run=BROKEN_OFF, hashes={}, how={}, now=now)


def files(*names: str) -> Fill:
    def fill(staging: Staging) -> None:
        for name in names:
            write(staging.tree / "home/me" / name, name.encode())

    return fill


def names_in(snapshot: Snapshot) -> set[str]:
    return {path.name for path in snapshot.tree.rglob("*") if path.is_file()}


def made(id_: str, *, seeding: bool = False, status: Status = Status.OK) -> Snapshot:
    return Snapshot(id=id_, path=Path(), desktop="d", job="nightly", status=status, taken_at=AT, is_seeding=seeding)


def test_what_is_seeding_is_restorable_and_counts_for_nothing_else(folder: JobFolder) -> None:
    found = break_off(folder, files("a", "b", f"{PARTIAL_FOLDER}/half"))

    (listed,) = list_snapshots(folder)
    assert found is not None
    assert (listed.id, listed.word, listed.files_total) == (found.id, "seeding", 2)
    assert names_in(listed) == {"a", "b"}
    assert (listed.is_good, listed.is_whole, listed.problem) == (False, False, "")
    assert newest_good([listed]) is newest_usable([listed]) is last_taken_at([listed]) is None
    assert not folder.latest.is_symlink()


def test_an_attempt_stays_as_it_was_and_what_newer_ones_lack_comes_from_older_ones(folder: JobFolder) -> None:
    break_off(folder, files("a", "b"))
    (attempt,) = folder.work.iterdir()
    before = fingerprint(attempt)

    found = break_off(folder, files("c"), hours=1)

    assert found is not None
    assert names_in(found) == {"a", "b", "c"}
    assert fingerprint(attempt) == before
    assert [each.id for each in list_snapshots(folder)] == [found.id]
    assert len(list(folder.trash.iterdir())) == 1


def test_the_first_good_one_takes_the_place_of_what_is_not_held(folder: JobFolder) -> None:
    first = break_off(folder, files("a"))
    assert first is not None
    with opened(folder):
        write_marks(folder, read_marks(folder).held(first.id, Hold()))
    second = break_off(folder, files("a", "b"), hours=1)
    assert [each.id for each in list_snapshots(folder)] == [first.id, second.id if second else ""]

    good = take(folder, files("a", "b", "c"), at=AT + timedelta(hours=2))
    with opened(folder):
        retire_superseded(folder, now=AT)

    assert [each.id for each in list_snapshots(folder)] == [first.id, good.snapshot.id]


def test_a_session_that_was_killed_while_it_published_leaves_nothing(folder: JobFolder) -> None:
    found = break_off(folder, files("a"))
    assert found is not None
    write(folder.work / "seeding-2026-11-22T03-30-00Z" / "tree/home/me/a")

    with opened(folder):
        mend(folder)

    assert [path.name for path in folder.work.iterdir()] == ["2026-11-22T02-30-00Z"]
    assert [each.id for each in list_snapshots(folder)] == [found.id]


class FullStore(Store):
    """A store that has next to nothing left."""

    @property
    def room(self) -> Room:
        """Return less than a manifest needs."""
        return Room(free_bytes=1 << 20, inodes=None, block=4096)


def test_a_full_store_gets_nothing_more_written(folder: JobFolder) -> None:
    with opened(folder) as store:
        staging = stage(store, folder, sources=("/home/me",), run_id="r", now=AT)
        files("a")(staging)
        full = FullStore(store.path, store.marker, os.open(store.path, os.O_RDONLY))
        with full, pytest.raises(StoreFull):
            publish_seeding(full, staging, run=BROKEN_OFF, hashes={}, how={}, now=AT)

    assert list_snapshots(folder) == ()
    assert [path.name for path in folder.work.iterdir()] == [staging.id]
    assert list(folder.trash.iterdir()) == []


@pytest.mark.parametrize(
    ("snapshots", "going"),
    [
        ((), set()),
        ((made("a", seeding=True),), set()),
        ((made("a", seeding=True), made("b", seeding=True)), {"a"}),
        ((made("a", seeding=True), made("b", status=Status.SUSPECT)), set()),
        ((made("a", seeding=True), made("b")), {"a"}),
        ((made("a"),), set()),
    ],
)
def test_a_seeding_one_has_a_successor_in_a_newer_or_a_good_one(
    snapshots: tuple[Snapshot, ...], going: set[str]
) -> None:
    assert superseded(snapshots) == going


@pytest.mark.parametrize(
    ("deleted", "changed", "much"), [(0, 0, False), (2, 0, False), (3, 0, True), (0, 5, False), (0, 6, True)]
)
def test_what_a_first_backup_may_lack_goes_by_the_gates(deleted: int, changed: int, *, much: bool) -> None:
    lost = Lost(files_before=10, files_now=10, deleted=deleted, changed=changed)

    assert is_much(lost, Gates()) is much


@pytest.mark.parametrize("wanted", [{"wanted": None}, {"wanted": "latest~1"}, {"wanted": None, "at": "2d"}])
def test_who_asks_for_the_newest_is_told_what_there_is_and_how_to_have_it(wanted: dict[str, str | None]) -> None:
    with pytest.raises(UsageError, match="no whole backup of nightly yet") as told:
        find_snapshot([made("2026-11-22T02-30-00Z", seeding=True)], now=AT, **wanted)  # type: ignore[arg-type]

    assert told.value.hint.endswith("backupjump restore nightly --snapshot 2026-11-22T02-30-00Z --to DIR")


def test_where_trees_differ_in_what_a_name_is_the_first_counts(tmp_path: Path) -> None:
    new, old, target = tmp_path / "new", tmp_path / "old", tmp_path / "target"
    write(new / "s/was-a-folder")
    write(new / "s/was-a-file/inside")
    (new / "s/was-a-file").chmod(0o555)
    os.utime(new / "s/was-a-file", (5, 5))
    write(old / "s/was-a-folder/inside")
    write(old / "s/was-a-file")
    write(old / "s/was-a-file2/only here")
    target.mkdir()

    count = gather(target, [new, old, tmp_path / "none"], "/s")

    assert count == 5
    assert {str(path.relative_to(target)) for path in target.rglob("*")} == {
        "s", "s/was-a-folder", "s/was-a-file", "s/was-a-file/inside", "s/was-a-file2", "s/was-a-file2/only here",
    }  # fmt: skip
    status = (target / "s/was-a-file").stat()
    assert (status.st_mode & 0o777, status.st_mtime) == (0o555, 5)
    assert (target / "s/was-a-folder").samefile(new / "s/was-a-folder")
