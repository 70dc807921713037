"""Ack, killed before each of its operations, and what it acks of what it showed."""

from __future__ import annotations

import multiprocessing
import signal
from datetime import timedelta
from pathlib import Path

import pytest

from backupjump.errors import JobLocked
from backupjump.operations.ack import ack, suspicion_of
from backupjump.operations.site import Site, open_site
from backupjump.run import Status
from backupjump.store.layout import JobFolder
from backupjump.store.lock import locked
from backupjump.store.snapshots import Snapshot, list_snapshots
from backupjump.store.staging import Staging
from fingerprint import fingerprint
from store_world import AT, CONFIG, KEY, die_before, make_store, take, write

DAY = timedelta(days=1)


@pytest.fixture
def folder(tmp_path: Path) -> JobFolder:
    made = make_store(tmp_path / "store")
    (tmp_path / "backupjump.yaml").write_text(CONFIG.format(store=made.store, state=tmp_path / "state", key=KEY))
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs/nightly.yaml").write_text("desktop: desktop\nsources: [/home/me]\n")
    return made


def one_file(staging: Staging) -> None:
    write(staging.tree / "home/me/file", staging.id.encode() * staging.sequence)


def site_of(folder: JobFolder) -> Site:
    return open_site(folder.store.parent / "backupjump.yaml")


def take_all(folder: JobFolder, *statuses: Status) -> list[str]:
    return [
        take(folder, one_file, status=status, at=AT + number * DAY).snapshot.id
        for number, status in enumerate(statuses)
    ]


def by_id(folder: JobFolder) -> dict[str, Snapshot]:
    return {snapshot.id: snapshot for snapshot in list_snapshots(folder)}


def shown_and_acked(folder: JobFolder) -> tuple[str, ...]:
    suspicion = suspicion_of(site_of(folder), "nightly")
    assert suspicion is not None
    return ack(site_of(folder), suspicion)


def test_all_that_await_it_are_acked_and_latest_names_the_newest_good_one(folder: JobFolder) -> None:
    ids = take_all(folder, Status.OK, Status.SUSPECT, Status.OK, Status.SUSPECT)

    acked = shown_and_acked(folder)

    assert acked == (ids[1], ids[3])
    assert all(snapshot.is_good for snapshot in by_id(folder).values())
    assert folder.latest.readlink().name == ids[3]
    assert suspicion_of(site_of(folder), "nightly") is None


def test_latest_stays_on_a_good_one_that_is_newer_than_the_suspect_one(folder: JobFolder) -> None:
    ids = take_all(folder, Status.OK, Status.SUSPECT, Status.OK)

    assert shown_and_acked(folder) == (ids[1],)

    assert folder.latest.readlink().name == ids[2]


def test_the_newest_suspect_one_is_compared_with_the_good_one_before_it(folder: JobFolder) -> None:
    ids = take_all(folder, Status.OK, Status.SUSPECT, Status.SUSPECT, Status.OK)

    suspicion = suspicion_of(site_of(folder), "nightly")

    assert suspicion is not None
    assert suspicion.good is not None
    assert (suspicion.good.id, [each.id for each in suspicion.awaiting]) == (ids[0], ids[1:3])
    assert (suspicion.changes.new, suspicion.changes.changed, suspicion.changes.deleted) == (0, 1, 0)


def test_what_came_after_it_was_shown_is_not_acked_unseen(folder: JobFolder) -> None:
    ids = take_all(folder, Status.OK, Status.SUSPECT)
    suspicion = suspicion_of(site_of(folder), "nightly")
    assert suspicion is not None
    unseen = take(folder, one_file, status=Status.SUSPECT, at=AT + 9 * DAY).snapshot.id

    acked = ack(site_of(folder), suspicion)

    assert acked == (ids[1],)
    assert by_id(folder)[unseen].awaits_ack


def test_a_hold_is_kept_and_a_run_under_way_is_not_disturbed(folder: JobFolder) -> None:
    take_all(folder, Status.OK, Status.SUSPECT)
    suspicion = suspicion_of(site_of(folder), "nightly")
    assert suspicion is not None

    with locked(folder), pytest.raises(JobLocked):
        ack(site_of(folder), suspicion)

    assert not folder.marks.exists()


def die_acking(folder: JobFolder, nth: int) -> None:
    suspicion = suspicion_of(site_of(folder), "nightly")
    site = site_of(folder)
    assert suspicion is not None
    die_before(nth)
    ack(site, suspicion)


def test_killed_before_any_of_its_operations_it_has_happened_or_not(folder: JobFolder) -> None:
    ids = take_all(folder, Status.OK, Status.SUSPECT, Status.SUSPECT)
    before = [fingerprint(folder.snapshots / id_) for id_ in ids]
    context = multiprocessing.get_context("fork")
    states = set()
    for nth in range(1, 40):
        killed = context.Process(target=die_acking, args=(folder, nth))
        killed.start()
        killed.join(60)

        found = by_id(folder)
        acked = {id_ for id_ in ids[1:] if found[id_].is_good}
        states.add(len(acked))
        assert acked in (set(), set(ids[1:])), f"before operation {nth}"
        assert [fingerprint(folder.snapshots / id_) for id_ in ids] == before
        assert folder.latest.readlink().name in (ids[0], ids[2] if acked else ids[0])
        assert (folder.latest / "tree").is_dir()
        if killed.exitcode == 0:
            break
        assert killed.exitcode == -signal.SIGKILL
        if acked:
            take(folder, one_file, at=AT + 90 * DAY)  # the next run points what is behind
            assert folder.latest.readlink().name not in ids
            return_to(folder, ids)
    else:
        pytest.fail("it never ended by itself")
    assert states == {0, 2}


def return_to(folder: JobFolder, ids: list[str]) -> None:
    """Take back what the last round has brought about."""
    for path in folder.snapshots.iterdir():
        if path.name not in ids:
            path.rename(folder.trash / path.name)
    folder.marks.unlink()
    folder.latest.unlink()
    folder.latest.symlink_to(f"snapshots/{ids[0]}")
