from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupjump.config.models import Job, Schedule
from backupjump.timing.cadence import again_after, late_after, next_due

if TYPE_CHECKING:
    from collections.abc import Mapping

PARIS, LORD_HOWE, APIA = (ZoneInfo(name) for name in ("Europe/Paris", "Australia/Lord_Howe", "Pacific/Apia"))
LATER = datetime(2100, 1, 1, tzinfo=UTC)


def due(zone: ZoneInfo, every: Any, at: str | None, last_good_at: str) -> str | None:
    """The next due time as the clocks of `zone` show it, for a last good one given the same way."""
    found = next_due(
        Schedule(every=every, at=at),
        last_at=datetime.fromisoformat(last_good_at).replace(tzinfo=zone),
        zone=zone,
        now=LATER,
    )
    return found and f"{found.astimezone(zone):%Y-%m-%d %H:%M %z}"


@pytest.mark.parametrize(
    ("every", "at", "last_good_at", "expected"),
    [
        ("hour", None, "2026-11-22 10:07", "2026-11-22 11:07 +0100"),
        ("6 hours", None, "2026-11-22 20:00", "2026-11-23 02:00 +0100"),
        ("6 hours", "02:30", "2026-11-22 20:00", "2026-11-23 02:00 +0100"),
        ("day", None, "2026-11-22 10:07", "2026-11-23 10:07 +0100"),
        ("day", "02:30", "2026-11-22 10:07", "2026-11-23 02:30 +0100"),
        ("day", "02:30", "2026-11-22 02:29", "2026-11-22 02:30 +0100"),
        ("day", "02:30", "2026-11-22 02:30", "2026-11-23 02:30 +0100"),
        ("2 days", "02:30", "2026-11-22 14:00", "2026-11-24 02:30 +0100"),
        ("2 days", None, "2026-11-22 14:00", "2026-11-24 14:00 +0100"),
        ("week", None, "2026-11-18 14:00", "2026-11-25 14:00 +0100"),
        ("week", "02:30", "2026-11-18 14:00", "2026-11-22 02:30 +0100"),
        ("week", "02:30", "2026-11-22 14:00", "2026-11-29 02:30 +0100"),
        ("2 weeks", "02:30", "2026-11-22 14:00", "2026-12-06 02:30 +0100"),
        (("mon", "thu"), "22:30", "2026-11-22 14:00", "2026-11-23 22:30 +0100"),
        (("mon", "thu"), "22:30", "2026-11-23 22:31", "2026-11-26 22:30 +0100"),
        (("mon",), None, "2026-11-23 00:00", "2026-11-30 00:00 +0100"),
        ("month", None, "2026-11-22 14:00", "2026-12-01 00:00 +0100"),
        ("month", "02:30", "2026-12-31 23:59", "2027-01-01 02:30 +0100"),
        ("month", "02:30", "2027-01-01 02:29", "2027-01-01 02:30 +0100"),
        # Spring: 02:00 becomes 03:00; 02:30 is not on the clock that day, and is due when the gap ends.
        ("day", "02:30", "2026-03-28 02:30", "2026-03-29 03:00 +0200"),
        ("day", "02:30", "2026-03-29 03:00", "2026-03-30 02:30 +0200"),
        # Autumn: 03:00 becomes 02:00 again; 02:30 comes twice and is due the first time only.
        ("day", "02:30", "2026-10-24 02:30", "2026-10-25 02:30 +0200"),
        ("day", "02:30", "2026-10-25 02:30", "2026-10-26 02:30 +0100"),
        ("6 hours", None, "2026-10-25 00:00", "2026-10-25 05:00 +0100"),
    ],
)
def test_the_next_due_time_in_paris(every: Any, at: str | None, last_good_at: str, expected: str) -> None:
    assert due(PARIS, every, at, last_good_at) == expected


@pytest.mark.parametrize(
    ("zone", "at", "last_good_at", "expected"),
    [
        # Lord Howe's clocks move by half an hour: 02:00 becomes 02:30 in October, 02:00 becomes 01:30 in April.
        (LORD_HOWE, "02:15", "2026-10-03 02:15", "2026-10-04 02:30 +1100"),
        (LORD_HOWE, "02:30", "2026-10-03 02:30", "2026-10-04 02:30 +1100"),
        (LORD_HOWE, "01:45", "2026-04-04 01:45", "2026-04-05 01:45 +1100"),
        (LORD_HOWE, "01:45", "2026-04-05 01:45", "2026-04-06 01:45 +1030"),
        # Samoa had no 30 December 2011: what was due then is due as the 31st begins, and again at its own time.
        (APIA, "02:30", "2011-12-29 02:30", "2011-12-31 00:00 +1400"),
        (APIA, "02:30", "2011-12-31 00:00", "2011-12-31 02:30 +1400"),
    ],
)
def test_the_next_due_time_where_clocks_do_odd_things(
    zone: ZoneInfo, at: str, last_good_at: str, expected: str
) -> None:
    assert due(zone, "day", at, last_good_at) == expected


def test_the_schedule_s_own_zone_wins_over_the_store_s() -> None:
    schedule = Schedule(every="day", at="02:30", timezone="Australia/Lord_Howe")

    found = next_due(schedule, last_at=datetime(2026, 11, 22, 12, tzinfo=UTC), zone=PARIS, now=LATER)

    assert found == datetime(2026, 11, 22, 15, 30, tzinfo=UTC)


def test_a_job_without_a_good_snapshot_or_with_one_from_the_future_is_due_at_once() -> None:
    schedule = Schedule(every="day")
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)

    assert next_due(schedule, last_at=None, zone=PARIS, now=now) == now
    assert next_due(schedule, last_at=now + timedelta(hours=1), zone=PARIS, now=now) == now
    assert next_due(schedule, last_at=now, zone=PARIS, now=now) == now + timedelta(days=1)


def test_a_job_without_a_schedule_is_never_due() -> None:
    assert next_due(None, last_at=None, zone=PARIS, now=LATER) is None


EVERY = st.sampled_from(["hour", "5 hours", "day", "3 days", "week", "2 weeks", ("mon",), ("tue", "sun"), "month"])
CLOCKS = st.one_of(st.none(), st.times().map(lambda at: f"{at:%H:%M}"))
ZONES = st.sampled_from([PARIS, LORD_HOWE, APIA, ZoneInfo("UTC"), ZoneInfo("America/Havana")])
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001


@given(every=EVERY, at=CLOCKS, zone=ZONES, last_at=MOMENTS)
def test_due_times_lie_ahead_and_never_further_than_the_cadence(
    every: Any, at: str | None, zone: ZoneInfo, last_at: datetime
) -> None:
    schedule = Schedule(every=every, at=at)
    days_between = {"hour": 1, "5 hours": 1, "day": 1, "3 days": 3, "2 weeks": 14, "month": 31}.get(every, 7)

    found = next_due(schedule, last_at=last_at, zone=zone, now=LATER)

    assert found is not None
    assert last_at < found <= last_at + timedelta(days=days_between, hours=26)


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({}, None),
        ({"max_age": "3 days"}, timedelta(days=3)),
        ({"schedule": {"every": "day"}}, timedelta(days=3)),
        ({"schedule": {"every": "6 hours"}}, timedelta(hours=18)),
        ({"schedule": {"every": ("mon", "thu")}}, timedelta(days=12)),
        ({"schedule": {"every": "month"}}, timedelta(days=93)),
        ({"schedule": {"every": "day"}, "max_age": "30h"}, timedelta(hours=30)),
    ],
)
def test_a_job_is_late_after_its_max_age_or_three_times_its_cadence(
    keys: Mapping[str, Any], expected: timedelta | None
) -> None:
    job = Job.model_validate({"name": "nightly", "desktop": "desktop", "sources": ["/home/me"], **keys})

    assert late_after(job) == expected


@pytest.mark.parametrize(
    ("failing_for", "wait"),
    [
        (timedelta(0), timedelta(hours=1)),
        (timedelta(minutes=50), timedelta(hours=1)),
        (timedelta(hours=3), timedelta(hours=3)),
        (timedelta(days=40), timedelta(days=1)),
    ],
)
def test_a_failing_job_is_tried_again_an_hour_later_and_ever_more_seldom(
    failing_for: timedelta, wait: timedelta
) -> None:
    assert again_after(LATER, LATER + failing_for) == LATER + failing_for + wait
