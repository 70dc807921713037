"""Snapshots go by way of the trash: each is listed whole or not at all, whenever the prune is killed."""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import signal
import stat
from itertools import count
from pathlib import Path

import pytest

from backupjump.errors import StoreError
from backupjump.store.layout import JobFolder
from backupjump.store.reaper import reap
from backupjump.store.snapshots import list_snapshots
from backupjump.store.trash import empty_trash, throw_away
from fingerprint import Print, fingerprint
from store_world import a_few_files, make_store, prune_and_die, take

pytestmark = pytest.mark.lab

TESTS = Path(__file__).parents[1]


def filled(path: Path, *, snapshots: int = 4) -> tuple[JobFolder, tuple[str, ...]]:
    """Return a job with snapshots that share files, and their ids, oldest first."""
    folder = make_store(path)
    return folder, tuple(take(folder, a_few_files).snapshot.id for _ in range(snapshots))


def prints(folder: JobFolder) -> dict[str, dict[str, Print]]:
    return {path.name: fingerprint(path) for path in folder.snapshots.iterdir()}


def test_what_stays_is_byte_for_byte_what_it_was(tmp_path: Path) -> None:
    folder, ids = filled(tmp_path / "store")
    before = prints(folder)

    throw_away(folder, ids[:2])
    empty_trash(folder, wait=True)

    assert prints(folder) == {id_: before[id_] for id_ in ids[2:]}
    assert list(folder.trash.iterdir()) == []


def test_read_only_files_of_other_snapshots_stay_read_only(tmp_path: Path) -> None:
    """As `rsync --delete` from an empty folder would not leave them: it makes what it deletes writable first."""
    folder, ids = filled(tmp_path / "store")
    shared = folder.snapshots / ids[3] / "tree/home/me/linked"
    assert shared.stat().st_ino == (folder.snapshots / ids[0] / "tree/home/me/linked").stat().st_ino

    throw_away(folder, ids[:3])
    empty_trash(folder, wait=True)

    assert stat.S_IMODE(shared.stat().st_mode) == 0o400
    assert shared.stat().st_nlink == 1


def test_a_snapshot_is_out_of_the_list_before_any_of_it_is_deleted(tmp_path: Path) -> None:
    folder, ids = filled(tmp_path / "store")
    before = prints(folder)

    throw_away(folder, ids[:1])

    assert [snapshot.id for snapshot in list_snapshots(folder)] == list(ids[1:])
    assert fingerprint(folder.trash / ids[0]) == before[ids[0]]


def test_what_lies_in_the_trash_under_that_name_is_not_written_over(tmp_path: Path) -> None:
    folder, ids = filled(tmp_path / "store")
    (folder.trash / ids[0]).mkdir()

    with pytest.raises(StoreError, match="is already there"):
        throw_away(folder, ids[:1])

    assert [snapshot.id for snapshot in list_snapshots(folder)] == list(ids)


def test_a_kill_before_each_single_operation_leaves_each_snapshot_whole_or_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", f"{TESTS}:{TESTS.parent}")  # the fork server is a new interpreter
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["store_world"])
    for nth in count(1):
        folder, ids = filled(tmp_path / f"store{nth}")
        before = prints(folder)

        child = context.Process(target=prune_and_die, args=(folder, ids[:2]), kwargs={"nth": nth})
        child.start()
        child.join()

        found = prints(folder)
        assert found == {id_: before[id_] for id_ in found}, f"killed before operation {nth}"
        assert set(ids[2:]) <= set(found)
        published = take(folder, a_few_files)
        reap(folder)
        assert list(folder.trash.iterdir()) == [], "the next reap finishes what was begun"
        assert {*found, published.snapshot.id} == set(prints(folder))
        if child.exitcode != -signal.SIGKILL:
            break

    assert child.exitcode == 0
    assert set(found) == set(ids[2:])
    assert nth > 20, "too few operations were counted: are these the events that Python raises?"


def test_a_run_does_not_wait_for_a_prune_that_is_deleting(tmp_path: Path) -> None:
    folder, ids = filled(tmp_path / "store")
    throw_away(folder, ids[:1])
    other = os.open(folder.trash, os.O_RDONLY)  # flock belongs to an open file, so this is as good as a process
    fcntl.flock(other, fcntl.LOCK_EX)

    published = take(folder, a_few_files)

    assert published.snapshot.id in {snapshot.id for snapshot in list_snapshots(folder)}
    assert [path.name for path in folder.trash.iterdir()] == [ids[0]]
    os.close(other)
    empty_trash(folder, wait=True)
    assert list(folder.trash.iterdir()) == []
