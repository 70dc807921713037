"""What a crash kept from being noted is noted by the next run, from what the snapshots say themselves."""

from __future__ import annotations

import json
import multiprocessing
import signal
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest

from backupjump.store.layout import JobFolder
from backupjump.store.reaper import reap
from backupjump.store.repair import mend, unlisted_runs
from backupjump.store.runs import append_run, read_runs
from backupjump.store.snapshots import list_snapshots
from store_world import AT, RUN, a_few_files, attempt, make_store, run_and_die, take, write

TESTS = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> JobFolder:
    return make_store(tmp_path / "store")


def take_run(folder: JobFolder, run_id: str, *, days: int = 0) -> str:
    """Take a snapshot by a run that is killed before it is noted; return its id."""
    taken = take(folder, a_few_files, at=AT + timedelta(days=days), run=replace(RUN, run_id=run_id))
    return taken.snapshot.id


def test_runs_that_no_line_tells_of_are_noted_in_the_order_of_publication(folder: JobFolder) -> None:
    first = take_run(folder, "clock a year ahead", days=365)
    second = take_run(folder, "clock right")
    noted = read_runs(folder)

    mend(folder)

    assert noted == ()
    assert [(run.run_id, run.snapshot) for run in read_runs(folder)] == [
        ("clock a year ahead", first),
        ("clock right", second),
    ]


def test_what_is_noted_already_is_not_noted_again(folder: JobFolder) -> None:
    folder.make()
    append_run(folder, replace(RUN, run_id="failed before"))
    take_run(folder, "killed")

    mend(folder)
    mend(folder)

    assert [run.run_id for run in read_runs(folder)] == ["failed before", "killed"]


def test_what_a_killed_heal_fetched_goes_and_an_attempt_stays(folder: JobFolder) -> None:
    staging = attempt(folder, a_few_files)
    write(folder.work / "heal/tree/home/me/big")

    mend(folder)

    assert list(folder.work.iterdir()) == [staging.path]
    reap(folder)
    assert list(folder.trash.iterdir()) == []


def test_latest_names_the_newest_good_snapshot_again(folder: JobFolder) -> None:
    take_run(folder, "first")
    second = take_run(folder, "second")
    folder.latest.unlink()

    mend(folder)

    assert folder.latest.readlink() == Path("snapshots") / second


@pytest.mark.parametrize("damage", ["run is no run", "no json", "gone"])
def test_a_meta_json_that_does_not_tell_of_its_run_hides_no_other_one(folder: JobFolder, damage: str) -> None:
    damaged = folder.snapshots / take_run(folder, "damaged") / "meta.json"
    take_run(folder, "whole", days=1)
    meta = json.loads(damaged.read_text())
    del meta["run"]["started_at"]
    damaged.write_text(json.dumps(meta) if damage == "run is no run" else "{")
    if damage == "gone":
        damaged.unlink()

    assert [run.run_id for run in unlisted_runs(folder)] == ["whole"]


def test_a_repair_that_fails_stops_nothing(folder: JobFolder, caplog: pytest.LogCaptureFixture) -> None:
    take_run(folder, "killed")
    folder.runs.mkdir()

    mend(folder)

    assert "could not be repaired" in caplog.text


def test_runs_are_the_job_s_in_whose_folder_they_stand(folder: JobFolder) -> None:
    folder.make()
    append_run(folder, replace(RUN, run_id="noted"))
    take_run(folder, "killed")
    renamed = JobFolder(folder.store, "laptop", "daily")
    renamed.path.parent.mkdir()
    folder.path.rename(renamed.path)

    mend(renamed)

    assert [(run.run_id, run.desktop, run.job) for run in read_runs(renamed)] == [
        ("noted", "laptop", "daily"),
        ("killed", "laptop", "daily"),
    ]


@pytest.mark.lab
def test_killed_before_each_single_operation_the_next_run_finds_every_snapshot_noted_once_and_latest_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", f"{TESTS}:{TESTS.parent}")  # the fork server is a new interpreter
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["store_world"])
    unnoted = 0
    for nth in count(1):
        folder = make_store(tmp_path / str(nth))
        append_run(folder, take(folder, a_few_files, run=replace(RUN, run_id="before")).run)
        by = replace(RUN, run_id="killed")

        child = context.Process(target=run_and_die, args=(folder, a_few_files), kwargs={"by": by, "nth": nth})
        child.start()
        child.join()
        unnoted += len(list_snapshots(folder)) - len(read_runs(folder))
        mend(folder)

        snapshots = list_snapshots(folder)
        assert [run.snapshot for run in read_runs(folder)] == [each.id for each in snapshots], nth
        assert folder.latest.readlink() == Path("snapshots") / snapshots[-1].id, nth
        if child.exitcode != -signal.SIGKILL:
            break

    assert child.exitcode == 0
    assert unnoted >= 3, "no kill fell between the publication and the note"
