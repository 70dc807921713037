from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from backupjump.operations.page.words import ago, count, day, moment, soon, span, took

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (timedelta(seconds=59), "less than a minute"),
        (timedelta(seconds=60), "1 minute"),
        (timedelta(minutes=119), "119 minutes"),
        (timedelta(hours=2), "2 hours"),
        (timedelta(hours=47), "47 hours"),
        (timedelta(days=2), "2 days"),
        (timedelta(days=60), "60 days"),
        (timedelta(days=61), "2 months"),
        (timedelta(days=729), "23 months"),
        (timedelta(days=730), "2 years"),
    ],
)
def test_a_length_is_told_in_the_largest_unit_of_which_there_are_two(length: timedelta, expected: str) -> None:
    assert span(length) == expected


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        (timedelta(seconds=5), "just now"),
        (timedelta(minutes=-4), "just now"),
        (timedelta(hours=3), "3 hours ago"),
        (timedelta(days=-2), "in the future: was a clock wrong?"),
    ],
)
def test_a_time_is_told_by_how_long_ago_it_was(before: timedelta, expected: str) -> None:
    assert ago(NOW - before, NOW) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0.4, "0 s"), (59, "59 s"), (60, "1 min 00 s"), (599, "9 min 59 s"), (600, "10 min"), (7500, "2 h 05 min")],
)
def test_how_long_a_run_took_is_told_as_exactly_as_matters(seconds: float, expected: str) -> None:
    assert took(seconds) == expected


def test_times_are_those_of_the_zone() -> None:
    zone = ZoneInfo("Asia/Tokyo")

    assert moment(NOW, zone) == "Sun 22 Nov 2026, 21:00"
    assert soon(NOW, zone) == "Sun 22 Nov, 21:00"
    assert day(date(2026, 1, 2)) == "2 Jan 2026"


def test_a_number_has_its_noun() -> None:
    assert [count(1, "job"), count(0, "job"), count(1200, "run")] == ["1 job", "0 jobs", "1,200 runs"]
