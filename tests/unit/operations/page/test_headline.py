from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from backupjump.operations.job_state import JobState, State
from backupjump.operations.page.forecast import Forecast, Outlook
from backupjump.operations.page.headline import Mood, Piece, headline, pieces

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ROOM = Forecast(outlook=Outlook.STEADY, text="It has not been filling up.")
SOON = Forecast(outlook=Outlook.SOON, text="It is full in about 9 days.")
FULL = Forecast(outlook=Outlook.FULL, text="It is full.")


def stands(job: str, state: State, hours: float | None = 3) -> JobState:
    good_at = NOW - timedelta(hours=hours) if hours is not None else None
    return JobState(job=job, state=state, last_good_at=good_at, next_due_at=None, last_status=None, help="")


A, B = stands("a", State.GOOD), stands("b", State.GOOD, 20)


@pytest.mark.parametrize(
    ("states", "disk", "mood", "verdict"),
    [
        ([], ROOM, Mood.WAITING, "There is no job yet"),
        ([A], ROOM, Mood.GOOD, "a is good"),
        ([A, B], ROOM, Mood.GOOD, "All 2 jobs are good"),
        ([A, B], SOON, Mood.GOOD, "All 2 jobs are good"),
        ([A, B], FULL, Mood.BAD, "The store is full"),
        ([A, stands("c", State.AWAY)], ROOM, Mood.WAITING, "Nothing needs you; 1 of 2 jobs waits for the Desktop"),
        ([stands("c", State.DEFERRED)], ROOM, Mood.WAITING, "Nothing needs you; c waits for its Desktop"),
        ([A, stands("c", State.BROKEN)], ROOM, Mood.BAD, "1 of 2 jobs needs you"),
        ([stands("c", State.LATE), stands("d", State.SUSPECT), A], FULL, Mood.BAD, "2 of 3 jobs need you"),
        ([stands("c", State.LATE)], ROOM, Mood.BAD, "c needs you"),
        ([stands("c", State.LATE), stands("d", State.AWAY)], ROOM, Mood.BAD, "1 of 2 jobs needs you"),
    ],
)
def test_the_verdict_is_the_worst_that_is_so(states: list[JobState], disk: Forecast, mood: Mood, verdict: str) -> None:
    found = headline(states, disk, now=NOW)

    assert (found.mood, found.verdict) == (mood, verdict)


@pytest.mark.parametrize(
    ("states", "disk", "lines"),
    [
        ([], ROOM, ["Nothing is backed up."]),
        ([A], ROOM, ["The newest backup was made 3 hours ago."]),
        (
            [B, A],
            ROOM,
            ["The newest backup was made 3 hours ago (a).", "b has gone the longest without one: 20 hours."],
        ),
        ([A, stands("c", State.GOOD, 3.5)], ROOM, ["The newest backup was made 3 hours ago (a)."]),
        (
            [A, stands("c", State.LATE, None)],
            SOON,
            ["No good backup yet: c.", "The newest backup was made 3 hours ago (a).", "It is full in about 9 days."],
        ),
        ([stands("c", State.AWAY, None)], ROOM, ["No good backup yet: c."]),
    ],
)
def test_the_lines_say_since_when(states: list[JobState], disk: Forecast, lines: list[str]) -> None:
    assert list(headline(states, disk, now=NOW).lines) == lines


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("nothing to do", [("Nothing to do", False)]),
        ("see why: backupjump history a", [("See why: ", False), ("backupjump history a", True)]),
        ("backupjump run a; or wait", [("backupjump run a", True), ("; or wait", False)]),
        ("/home is gone", [("/home is gone", False)]),
    ],
)
def test_a_command_is_told_apart_in_a_hint(text: str, expected: list[tuple[str, bool]]) -> None:
    assert pieces(text) == tuple(Piece(text=part, is_command=is_command) for part, is_command in expected)
