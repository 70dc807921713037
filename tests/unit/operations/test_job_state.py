from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from backupjump.config.models import Job
from backupjump.operations.job_state import JobState, Seen, State, job_state
from backupjump.run import Run, RunError, Status, exit_code_of
from backupjump.store.first_backup import FirstBackup
from backupjump.store.snapshots import Snapshot

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAILY: dict[str, Any] = {"schedule": {"every": "day"}}


def a_snapshot(days_ago: float, status: Status = Status.OK) -> Snapshot:
    at = NOW - timedelta(days=days_ago)
    return Snapshot(id=f"s{days_ago}", path=Path(), desktop="d", job="nightly", status=status, taken_at=at)


def stands(
    *snapshots: Snapshot, last: Status | None, keys: dict[str, Any] = DAILY, hint: str = "", **known: Any
) -> JobState:
    job = Job.model_validate({"name": "nightly", "desktop": "d", "sources": ["/home/me"], **keys})
    run = last and Run(
        run_id="r",
        job="nightly",
        desktop="d",
        route="proxyjump",
        status=last,
        exit_code=exit_code_of(last),
        snapshot=None,
        started_at=NOW,
        ended_at=NOW,
        attempts=1,
        error=RunError(code="c", message="m", hint=hint),
    )
    return job_state(job, snapshots, run or None, zone=ZoneInfo("UTC"), now=NOW, **known)


FRESH, OLD = a_snapshot(0.5), a_snapshot(4)


@pytest.mark.parametrize(
    ("snapshots", "last", "keys", "expected"),
    [
        ([FRESH], Status.OK, DAILY, State.GOOD),
        ([FRESH], Status.WARNING, DAILY, State.GOOD),
        ([FRESH], None, DAILY, State.GOOD),
        ([FRESH], Status.AWAY, DAILY, State.AWAY),
        ([FRESH], Status.INTERRUPTED, DAILY, State.AWAY),
        ([FRESH], Status.DEFERRED, DAILY, State.DEFERRED),
        ([FRESH], Status.FAILED, DAILY, State.BROKEN),
        ([OLD], Status.AWAY, DAILY, State.LATE),
        ([OLD], Status.DEFERRED, DAILY, State.LATE),
        ([OLD], Status.OK, DAILY, State.LATE),
        ([OLD], Status.FAILED, DAILY, State.BROKEN),
        ([OLD], Status.OK, {}, State.GOOD),
        ([OLD], Status.OK, {"max_age": "3 days"}, State.LATE),
        ([a_snapshot(1, Status.SUSPECT), FRESH], Status.FAILED, DAILY, State.SUSPECT),
        ([a_snapshot(1, Status.FAILED)], Status.AWAY, {}, State.AWAY),
        ([a_snapshot(-365)], Status.OK, DAILY, State.LATE),
        ([a_snapshot(-0.003)], Status.OK, DAILY, State.GOOD),
        ([], None, DAILY, State.LATE),
        ([], Status.AWAY, DAILY, State.LATE),
        ([], None, {}, State.AWAY),
        ([], Status.DEFERRED, {}, State.DEFERRED),
    ],
)
def test_a_job_is_shown_as_the_first_state_that_fits(
    snapshots: list[Snapshot], last: Status | None, keys: dict[str, Any], expected: State
) -> None:
    found = stands(*snapshots, last=last, keys=keys)

    assert found.state is expected
    assert found.state.needs_person == (expected in ("suspect", "broken", "late"))
    assert bool(found.help) == (expected is not State.GOOD)


def test_a_job_is_suspect_until_the_last_of_its_suspect_snapshots_was_acked() -> None:
    suspects = [a_snapshot(3, Status.SUSPECT), a_snapshot(2, Status.SUSPECT)]
    one_acked = [replace(suspects[0], acked=True), suspects[1]]
    both_acked = [replace(each, acked=True) for each in suspects]

    assert [stands(*each, FRESH, last=Status.OK).state for each in (suspects, one_acked, both_acked)] == [
        State.SUSPECT, State.SUSPECT, State.GOOD,
    ]  # fmt: skip
    assert stands(*suspects, FRESH, last=Status.OK).help.endswith("backupjump ack nightly")


def test_damage_that_nobody_has_put_right_makes_a_job_broken_whatever_the_last_run_came_to() -> None:
    damaged = replace(FRESH, damaged=2)

    found = stands(damaged, last=Status.OK)

    assert found.state is State.BROKEN
    assert found.help.endswith("backupjump verify nightly --all --heal")
    assert stands(damaged, a_snapshot(0.2, Status.SUSPECT), last=Status.OK).state is State.SUSPECT


def test_the_help_of_a_broken_job_is_the_hint_of_its_error() -> None:
    assert stands(FRESH, last=Status.FAILED, hint="mend it").help == "mend it"
    assert stands(FRESH, last=Status.FAILED).help == "see why: backupjump history nightly"


def test_a_job_without_a_backup_says_so() -> None:
    assert "no backup yet" in stands(last=None).help
    assert "no backup yet" in stands(last=None, keys={}).help
    assert stands(last=None).to_json()["last_good_at"] is None


@pytest.mark.parametrize(("days", "expected"), [(0.1, State.AWAY), (2.9, State.AWAY), (3.1, State.LATE)])
def test_a_job_that_was_enrolled_just_now_raises_no_alarm_before_its_time(days: float, expected: State) -> None:
    state = stands(last=None, waits_since=NOW - timedelta(days=days))

    assert state.state is expected
    assert "no backup yet" in state.help


def test_the_state_as_json() -> None:
    assert stands(FRESH, last=Status.AWAY).to_json() == {
        "job": "nightly",
        "state": "away",
        "last_good_at": "2026-11-22T00:00:00Z",
        "next_due_at": "2026-11-23T00:00:00Z",
        "last_status": "away",
        "help": "when its tunnel is open: backupjump run nightly",
        "first_backup": None,
        "last_contact_at": None,
        "next_expected_at": None,
    }


def test_an_absent_desktop_is_shown_with_when_it_was_seen_and_when_it_is_expected() -> None:
    seen = Seen(last_contact_at=NOW - timedelta(hours=3), next_expected_at=NOW + timedelta(hours=20))

    away, good = (stands(FRESH, last=status, seen=seen) for status in (Status.AWAY, Status.OK))

    assert away.help.startswith("last seen 2026-11-22 09:00, expected 2026-11-23 08:00; when its tunnel is open")
    assert good.help == ""
    assert away.to_json()["last_contact_at"] == "2026-11-22T09:00:00Z"
    assert good.to_json()["next_expected_at"] == "2026-11-23T08:00:00Z"


def test_an_absent_desktop_whose_owner_had_put_it_off_is_deferred_and_one_that_is_late_is_late() -> None:
    seen = Seen(put_off="paused")

    deferred, late, good = (
        stands(FRESH, last=Status.AWAY, seen=seen),
        stands(OLD, last=Status.AWAY, seen=seen),
        stands(FRESH, last=Status.OK, seen=seen),
    )

    assert [each.state for each in (deferred, late, good)] == [State.DEFERRED, State.LATE, State.GOOD]
    assert deferred.help == "put off on the desktop (paused); nothing to do"


def test_what_keeps_a_job_from_its_desktop_is_told_beside_a_good_state_too() -> None:
    found = stands(FRESH, last=Status.OK, seen=Seen(trouble="its tunnel stays closed"))

    assert (found.state, found.help) == (State.GOOD, "its tunnel stays closed")


def test_a_first_backup_under_way_is_told_until_there_is_a_snapshot() -> None:
    first = FirstBackup(held_bytes=43, total_bytes=100, told_at_percent=40, days=2, last_day="2026-11-22")

    under_way = stands(last=Status.INTERRUPTED, keys={}, first_backup=first)

    assert under_way.help == "first backup 43 %, 3 nights left; when its tunnel is open: backupjump run nightly"
    assert under_way.to_json()["first_backup"] == {
        "held_bytes": 43, "total_bytes": 100, "percent": 43, "nights_left": 3,
    }  # fmt: skip
    assert stands(FRESH, last=Status.OK, first_backup=first).first_backup is None


def test_what_is_seeding_makes_no_job_look_backed_up() -> None:
    seeding = replace(a_snapshot(0.5, Status.INTERRUPTED), is_seeding=True)
    first = FirstBackup(held_bytes=43, total_bytes=100, told_at_percent=50, days=2, last_day="2026-11-21")

    with_it = stands(seeding, last=Status.INTERRUPTED, first_backup=first)

    assert with_it == stands(last=Status.INTERRUPTED, first_backup=first)
    assert (with_it.state, with_it.first_backup) == (State.LATE, first)
