"""A job's past under its new name: all of it, or all of it under the old one."""

from __future__ import annotations

import multiprocessing
import signal
import sys
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest

from backupjump.errors import JobLocked, UsageError
from backupjump.operations.rename import plan_rename, rename
from backupjump.operations.site import Site, open_site
from backupjump.process import run
from backupjump.run import Status
from backupjump.store.in_use import in_use
from backupjump.store.layout import JobFolder
from backupjump.store.lock import locked
from backupjump.store.marks import Hold, Marks, read_marks, write_marks
from backupjump.store.runs import append_run, read_runs
from backupjump.store.snapshots import list_snapshots
from fingerprint import fingerprint
from store_world import AT, CONFIG, KEY, MARKER, RUN, a_few_files, attempt, make_store, rename_and_die, take

TESTS = Path(__file__).parents[2]
NIGHTLY = "desktop: desktop\nsources: [/home/me]\n"


@pytest.fixture
def daily(tmp_path: Path) -> JobFolder:
    """A store with desktop/daily, whose config names nightly alone."""
    return make_daily(tmp_path)


def make_daily(place: Path, desktop: str = "desktop") -> JobFolder:
    nightly = make_store(place / "store")
    daily = JobFolder(nightly.store, desktop, "daily")
    for day in range(2):
        run = replace(RUN, run_id=f"run {day}", job="daily", desktop=desktop)
        append_run(
            daily, replace(run, snapshot=take(daily, a_few_files, at=AT + timedelta(days=day), run=run).snapshot.id)
        )
    attempt(daily, a_few_files)
    write_marks(daily, Marks(holds={list_snapshots(daily)[0].id: Hold(note="keep")}))
    (place / "backupjump.yaml").write_text(CONFIG.format(store=nightly.store, state=place / "state", key=KEY))
    (place / "jobs").mkdir()
    (place / "jobs/nightly.yaml").write_text(NIGHTLY)
    return daily


def site_of(folder: JobFolder) -> Site:
    return open_site(folder.store.parent / "backupjump.yaml")


def nightly_of(folder: JobFolder) -> JobFolder:
    return JobFolder(folder.store, "desktop", "nightly")


def whole(folder: JobFolder) -> dict[str, object]:
    """What a job's folder holds, but for what a lock leaves there."""
    kept = ("snapshots", "work", "latest", "marks.json", "runs.jsonl")
    return {name: each for name, each in fingerprint(folder.path).items() if name.partition("/")[0] in kept}


def test_snapshots_runs_holds_and_attempts_go_on_under_the_new_name(daily: JobFolder) -> None:
    before, nightly, site = whole(daily), nightly_of(daily), site_of(daily)

    plan = rename(site, "daily", "nightly")

    assert (plan.snapshots, plan.runs) == (2, 2)
    assert not daily.path.exists()
    assert whole(nightly) == before
    assert nightly.latest.readlink() == Path("snapshots") / list_snapshots(nightly)[-1].id
    assert [hold.note for hold in read_marks(nightly).holds.values()] == ["keep"]
    with site.history(MARKER.uuid) as history:
        assert [(run.run_id, run.job) for run in history.since("nightly")] == [
            ("run 0", "nightly"),
            ("run 1", "nightly"),
        ]
        assert history.since("daily") == ()


def test_the_history_of_before_is_told_under_the_new_name(daily: JobFolder) -> None:
    site = site_of(daily)
    with site.history(MARKER.uuid) as history:
        assert len(history.since("daily")) == 2

    rename(site, "daily", "nightly")

    with site.history(MARKER.uuid) as history:
        assert (len(history.since("nightly")), len(history.since("daily"))) == (2, 0)


def test_the_history_comes_along_when_a_job_gets_its_old_name_back(daily: JobFolder) -> None:
    jobs = daily.store.parent / "jobs"
    with site_of(daily).history(MARKER.uuid) as history:
        assert len(history.since("daily")) == 2
    rename(site_of(daily), "daily", "nightly")
    (jobs / "nightly.yaml").rename(jobs / "daily.yaml")

    rename(site_of(daily), "nightly", "daily")

    with site_of(daily).history(MARKER.uuid) as history:
        assert [run.run_id for run in history.since("daily")] == ["run 0", "run 1"]
        assert history.since("nightly") == ()


def test_a_dry_run_says_what_would_move_and_touches_nothing(daily: JobFolder) -> None:
    before = fingerprint(daily.store)

    plan = plan_rename(site_of(daily), "desktop/daily", "nightly")

    assert (plan.old, plan.new, plan.snapshots, plan.runs) == (daily, nightly_of(daily), 2, 2)
    assert fingerprint(daily.store) == before


def test_a_desktop_that_was_renamed_takes_its_jobs_along(tmp_path: Path) -> None:
    old = make_daily(tmp_path, desktop="laptop")

    rename(site_of(old), "laptop/daily", "nightly")

    assert not old.path.parent.exists()
    assert [(run.desktop, run.job) for run in read_runs(nightly_of(old))] == [("desktop", "nightly")] * 2


def test_what_failed_runs_of_the_new_name_left_gives_way_and_their_runs_stay(daily: JobFolder) -> None:
    nightly = nightly_of(daily)
    nightly.make()
    append_run(nightly, replace(RUN, run_id="failed", status=Status.FAILED))

    rename(site_of(daily), "daily", "nightly")

    assert [run.run_id for run in read_runs(nightly)] == ["run 0", "run 1", "failed"]
    assert len(list_snapshots(nightly)) == 2


def test_two_histories_are_not_made_one(daily: JobFolder) -> None:
    take(nightly_of(daily), a_few_files)
    before = fingerprint(daily.store)

    with pytest.raises(UsageError, match="desktop/nightly has 1 snapshot of its own"):
        rename(site_of(daily), "daily", "nightly")

    assert fingerprint(daily.store) == before


def test_an_attempt_under_the_new_name_is_not_lost(daily: JobFolder) -> None:
    attempt(nightly_of(daily), a_few_files)

    with pytest.raises(UsageError, match="broken-off attempt"):
        rename(site_of(daily), "daily", "nightly")


def test_a_job_of_the_config_keeps_its_snapshots(daily: JobFolder) -> None:
    (daily.store.parent / "jobs/daily.yaml").write_text(NIGHTLY)

    with pytest.raises(UsageError, match="is a job of the config"):
        rename(site_of(daily), "daily", "nightly")

    assert len(list_snapshots(daily)) == 2


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("dayly", "did you mean 'daily'?"),
        ("laptop/daily", "did you mean 'daily'?"),
        ("desktop/dayli", "the store has no job"),
        ("../store/desktop/daily", "the store has no job"),
        ("nightly", "the store has no job"),
        ("", "the store has no job"),
        ("\x1b[2J", "\\x1b"),
    ],
)
def test_a_name_that_the_store_does_not_know_gets_a_guess(daily: JobFolder, name: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        rename(site_of(daily), name, "nightly")

    assert words in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_a_run_or_a_reader_at_either_name_stops_it_with_nothing_touched(daily: JobFolder) -> None:
    nightly, site = nightly_of(daily), site_of(daily)
    nightly.make()
    before = whole(daily)

    with locked(daily), pytest.raises(JobLocked):
        rename(site, "daily", "nightly")
    with locked(nightly), pytest.raises(JobLocked):
        rename(site, "daily", "nightly")
    with in_use(list_snapshots(daily)[0].path), pytest.raises(JobLocked, match="somebody reads"):
        rename(site, "daily", "nightly")

    assert whole(daily) == before


BEGIN_A_RUN_MEANWHILE = """
import sys
from pathlib import Path
from backupjump.errors import JobLocked
from backupjump.operations.rename import rename
from backupjump.operations.site import open_site
from backupjump.store.layout import JobFolder
from backupjump.store.lock import locked

store, opened, said = Path(sys.argv[1]), [], []

def begin_a_run(event, arguments):
    if event != "open" or said:
        return
    opened.append(Path(str(arguments[0])))
    if opened[-1].name == "runs.jsonl" and store / "desktop/daily/lock" in opened:
        said.append("began")
        try:
            with locked(JobFolder(store, "desktop", "nightly")):
                pass
        except JobLocked:
            said[0] = "locked"

site = open_site(store.parent / "backupjump.yaml")
sys.addaudithook(begin_a_run)
rename(site, "daily", "nightly")
print(*said)
"""


def test_no_run_of_the_new_name_begins_while_its_folder_comes(daily: JobFolder) -> None:
    done = run([sys.executable, "-c", BEGIN_A_RUN_MEANWHILE, str(daily.store)], timeout=60)

    assert (done.status, done.stdout) == (0, b"locked\n"), done.stderr
    assert len(list_snapshots(nightly_of(daily))) == 2


@pytest.mark.lab
@pytest.mark.parametrize("new_is_there", [False, True])
def test_killed_before_each_single_operation_the_job_is_whole_under_one_of_the_two_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, new_is_there: bool
) -> None:
    monkeypatch.setenv("PYTHONPATH", f"{TESTS}:{TESTS.parent}")  # the fork server is a new interpreter
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["store_world"])
    for nth in count(1):
        place = tmp_path / str(nth)
        place.mkdir()
        daily = make_daily(place, desktop="laptop")
        nightly = nightly_of(daily)
        if new_is_there:
            nightly.make()
            append_run(nightly, replace(RUN, run_id="failed", status=Status.FAILED))
        before = {name: each for name, each in whole(daily).items() if name != "runs.jsonl"}

        child = context.Process(target=rename_and_die, args=(daily, nightly), kwargs={"nth": nth})
        child.start()
        child.join()

        (at,) = [folder for folder in (daily, nightly) if list_snapshots(folder)]
        found = {name: each for name, each in whole(at).items() if name != "runs.jsonl"}
        assert found == before, nth
        assert {"run 0", "run 1"} <= {run.run_id for run in read_runs(at)}, nth
        if at == daily:
            rename(site_of(daily), "laptop/daily", "nightly")
        assert len(list_snapshots(nightly)) == 2, nth
        expected = ["run 0", "run 1", "failed"] if new_is_there else ["run 0", "run 1"]
        assert [run.run_id for run in read_runs(nightly)] == expected, nth
        if child.exitcode != -signal.SIGKILL:
            break

    assert child.exitcode == 0
    assert nth > (6 if new_is_there else 3), "too few operations were counted"
