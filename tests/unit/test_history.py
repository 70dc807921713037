from __future__ import annotations

import json
import os
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from backupjump import history as history_module
from backupjump.history import History, RunLog
from backupjump.run import Run, RunError, Status, exit_code_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def a_run(number: int, job: str = "nightly", status: Status = Status.OK) -> Run:
    started_at = datetime(2026, 11, 22, tzinfo=UTC) + timedelta(hours=number)
    return Run(
        run_id=f"{job}-{number}",
        job=job,
        desktop="desktop",
        route="proxyjump",
        status=status,
        exit_code=exit_code_of(status),
        snapshot=f"s{number}" if status.published else None,
        started_at=started_at,
        ended_at=started_at + timedelta(minutes=5),
        attempts=1,
        warnings=("a \x1b name",),
        error=None if status.published else RunError(code="away", message="no route", hint="check the tunnel"),
    )


RUNS = [a_run(number) for number in range(200)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history-1.sqlite3"


def log_of(runs: Sequence[Run], name: str = "desktop/nightly") -> RunLog:
    """Keep `runs` as a store does, with the number of those that are known for a mark."""
    return RunLog(name=name, runs_after=lambda mark: (runs[int(mark or 0) :], str(len(runs))))


def filled(path: Path) -> None:
    with History(path, logs=[log_of(RUNS)]) as history:
        history.close()


def test_a_run_comes_back_as_it_went_in(path: Path) -> None:
    run = a_run(1, status=Status.AWAY)

    with History(path) as history:
        history.append(run)

    with History(path) as history:
        assert history.latest("nightly") == run
        assert history.since() == (run,)


def test_nobody_else_may_read_the_history_whatever_the_umask(path: Path) -> None:
    before = os.umask(0)
    try:
        filled(path)
    finally:
        os.umask(before)

    assert {file.stat().st_mode & 0o777 for file in path.parent.iterdir()} == {0o600}


def test_the_newest_runs_of_one_job_or_of_all_come_oldest_first(path: Path) -> None:
    with History(path) as history:
        for run in (a_run(3), a_run(1), a_run(2, job="photos"), a_run(4)):
            history.append(run)

        assert [run.run_id for run in history.since()] == ["nightly-1", "photos-2", "nightly-3", "nightly-4"]
        assert [run.run_id for run in history.since("nightly", limit=2)] == ["nightly-3", "nightly-4"]
        assert history.since("other") == ()


def test_a_run_that_never_began_is_not_the_latest(path: Path) -> None:
    with History(path) as history:
        for run in (a_run(1), a_run(2, status=Status.LOCKED), a_run(3, status=Status.NOT_DUE)):
            history.append(run)

        assert history.latest("nightly") == a_run(1)
        assert history.since("nightly") == (a_run(1), a_run(2, status=Status.LOCKED))


def test_a_run_recorded_twice_is_one_entry(path: Path) -> None:
    with History(path, logs=[log_of([a_run(1)])]) as history:
        history.append(a_run(1))

        assert history.since() == (a_run(1),)


def test_a_lost_database_is_rebuilt_from_the_store_s_runs(path: Path) -> None:
    with History(path) as history:
        history.append(a_run(5))

    with History(path, logs=[log_of(RUNS[:4])]) as history:
        assert [run.run_id for run in history.since()] == [f"nightly-{number}" for number in (0, 1, 2, 3, 5)]


def test_only_what_is_new_in_the_store_is_read_again(path: Path) -> None:
    asked = []

    def runs_after(mark: str) -> tuple[list[Run], str]:
        asked.append(mark)
        return (RUNS[:3], "third") if not mark else ([], mark)

    for _ in range(3):
        with History(path, logs=[RunLog(name="desktop/nightly", runs_after=runs_after)]) as history:
            assert history.count() == 3

    assert asked == ["", "third", "third"]


def test_a_database_that_is_older_than_the_store_s_runs_catches_up(path: Path) -> None:
    filled(path)

    with History(path, logs=[log_of([*RUNS, a_run(500)]), log_of([a_run(3, "photos")], "desktop/photos")]) as history:
        assert history.latest("nightly") == a_run(500)
        assert history.count() == 202


def test_a_database_of_the_version_before_keeps_its_runs_and_catches_up(path: Path) -> None:
    old = sqlite3.connect(path)
    old.executescript(
        "CREATE TABLE runs (run_id TEXT PRIMARY KEY, job TEXT NOT NULL, status TEXT NOT NULL, ended_at TEXT NOT NULL,"
        " body TEXT NOT NULL); CREATE INDEX runs_of_a_job ON runs (job, ended_at); PRAGMA user_version = 2"
    )
    locked = a_run(1, status=Status.LOCKED)
    row = (locked.run_id, locked.job, "locked", "2026-11-22T01:05:00Z", json.dumps(locked.to_json()))
    old.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?)", row)
    old.commit()
    old.close()

    with History(path, logs=[log_of(RUNS[2:4])]) as history:
        assert history.since() == (locked, *RUNS[2:4])


DAMAGES = {
    "no database": lambda content: b"not a database at all" * len(content),
    "emptied": lambda content: content[:0],
    "cut to a page": lambda content: content[:4096],
    "cut in half": lambda content: content[: len(content) // 2],
    "cut in mid-page": lambda content: content[:-1000],
    "random pages": lambda content: content[:4096] + bytes(range(256)) * ((len(content) - 4096) // 256),
    "text overwritten": lambda content: content.replace(b'{"schema"', b'{"s\xff\x00:ma"'),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_database_is_made_anew_and_never_stops_a_run(path: Path, damage: str) -> None:
    filled(path)
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    in_the_store = [*RUNS, a_run(500)]

    with History(path, logs=[log_of(in_the_store)]) as history:
        history.append(a_run(500))
        assert history.latest("nightly") == a_run(500)
        assert history.since() == (*RUNS, a_run(500))

    with History(path) as history:
        assert history.since() == (*RUNS, a_run(500))


def test_damage_that_comes_between_two_questions_is_mended_as_well(path: Path) -> None:
    with History(path, logs=[log_of(RUNS)]) as history:
        other = sqlite3.connect(path)
        other.executescript("DROP TABLE runs")
        other.close()

        history.append(a_run(500))

        assert history.since() == (*RUNS, a_run(500))


def test_a_database_of_another_shape_is_set_aside(path: Path) -> None:
    other = sqlite3.connect(path)
    other.executescript("CREATE TABLE runs (something TEXT); PRAGMA user_version = 2")
    other.close()

    with History(path, logs=[log_of(RUNS)]) as history:
        assert history.since() == tuple(RUNS)
    assert path.with_name(path.name + ".old").exists()


def test_a_database_that_stays_locked_is_replaced(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_module, "_BUSY_SECONDS", 0.05)
    filled(path)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")

    try:
        with History(path, logs=[log_of(RUNS)]) as history:
            history.append(a_run(500))
            assert history.since() == (*RUNS, a_run(500))
    finally:
        holder.close()

    with History(path) as history:
        assert history.latest("nightly") == a_run(500)


def test_where_no_database_can_be_kept_the_store_s_runs_are_still_told(tmp_path: Path) -> None:
    (tmp_path / "a file").write_text("in the way")

    with History(tmp_path / "a file" / "history.sqlite3", logs=[log_of(RUNS)]) as history:
        history.append(a_run(500))
        assert history.latest("nightly") == a_run(500)


def test_two_processes_may_write_at_once(path: Path) -> None:
    with History(path) as one, History(path) as other:
        for number in range(0, 20, 2):
            one.append(a_run(number))
            other.append(a_run(number + 1))

        assert one.since() == other.since() == tuple(a_run(number) for number in range(20))


def test_many_processes_may_find_it_missing_at_once(tmp_path: Path) -> None:
    for attempt in range(5):
        path = tmp_path / f"history-{attempt}.sqlite3"
        children: list[int] = []
        for number in range(8):
            if (child := os.fork()) == 0:
                with History(path) as history:
                    history.append(a_run(number))
                os._exit(0)
            children.append(child)
        for child in children:
            os.waitpid(child, 0)

        with History(path) as history:
            assert history.since() == tuple(a_run(number) for number in range(8))


def test_a_status_of_a_newer_program_does_not_hide_the_other_runs(path: Path) -> None:
    with History(path, logs=[log_of(RUNS)]) as history:
        history.append(replace(a_run(500), error=None))
    connection = sqlite3.connect(path)
    connection.execute("UPDATE runs SET body = replace(body, '\"ok\"', '\"brilliant\"') WHERE run_id = 'nightly-500'")
    connection.commit()
    connection.close()

    with History(path, logs=[log_of(RUNS)]) as history:
        assert history.since() == tuple(RUNS)
