from __future__ import annotations

import re
import subprocess
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backupjump.config.models import Schedule
from backupjump.timing.cadence import next_due
from backupjump.timing.slots import Slots, look_of, same_clock, slots_of, wait_of
from backupjump.timing.systemd import on_calendar

HOUR = timedelta(hours=1)
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
PARIS = "Europe/Paris"


@pytest.mark.parametrize(
    ("every", "at", "calendar", "look", "wait"),
    [
        ("hour", None, None, 5, 5),
        ("2 hours", None, None, 10, 10),
        ("6 hours", None, None, 15, 15),
        ("6 hours", "02:30", None, 15, 15),
        ("day", None, None, 15, 15),
        ("week", None, None, 15, 15),
        ("day", "02:30", "*-*-* 02:30:00 Europe/Paris", 60, 30),
        ("24 hours", "02:30", "*-*-* 02:30:00 Europe/Paris", 60, 30),
        ("3 days", "02:30", "*-*-* 02:30:00 Europe/Paris", 60, 30),
        ("week", "02:30", "Sun *-*-* 02:30:00 Europe/Paris", 60, 30),
        ("2 weeks", "02:30", "*-*-* 02:30:00 Europe/Paris", 60, 30),
        (("mon", "thu"), "22:30", "Mon,Thu *-*-* 22:30:00 Europe/Paris", 60, 30),
        (("sun",), None, "Sun *-*-* 00:00:00 Europe/Paris", 60, 30),
        ("month", None, "*-*-01 00:00:00 Europe/Paris", 60, 30),
    ],
)
def test_what_a_timer_looks_at(every: Any, at: str | None, calendar: str | None, look: int, wait: int) -> None:
    schedule = Schedule(every=every, at=at)

    slots = slots_of(schedule, zone=PARIS)

    assert (slots and on_calendar(slots)) == calendar
    assert (look_of(schedule), wait_of(look_of(schedule))) == (timedelta(minutes=look), timedelta(minutes=wait))


def test_the_schedule_s_own_zone_wins_over_the_store_s() -> None:
    slots = slots_of(Schedule(every="day", at="02:30", timezone="Asia/Tokyo"), zone=PARIS)

    assert slots == Slots(clock="02:30", zone="Asia/Tokyo")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (PARIS, "Europe/Berlin", True),
        ("UTC", "Etc/UTC", True),
        (PARIS, "Africa/Algiers", False),  # the same in winter
        (PARIS, "Europe/London", False),
    ],
)
def test_zones_are_the_same_when_their_clocks_are(one: str, other: str, same: bool) -> None:
    assert same_clock(ZoneInfo(one), ZoneInfo(other), now=NOW) is same


CLOCKED = st.sampled_from(["day", "3 days", "week", "2 weeks", ("mon",), ("tue", "sun"), "month"])
CLOCKS = st.times().map(lambda at: f"{at:%H:%M}")
ZONES = st.sampled_from([PARIS, "Australia/Lord_Howe", "UTC", "America/Havana"])
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2036, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001


def next_elapse(calendar: str, after: datetime) -> datetime:
    """Return when systemd would start a timer of `calendar` next after `after`."""
    words = ["systemd-analyze", "calendar", f"--base-time={after:%Y-%m-%d %H:%M:%S} UTC", calendar]
    done = subprocess.run(words, capture_output=True, text=True, check=True, env={"TZ": "UTC", "LC_ALL": "C"})
    found = re.search(r"Next elapse: \w+ (\S+ \S+) UTC", done.stdout)
    assert found, done.stdout
    return datetime.fromisoformat(found[1]).replace(tzinfo=UTC)


def on_the_clock(moment: datetime, clock: str, zone: str) -> bool:
    return moment.astimezone(ZoneInfo(zone)).time() == time.fromisoformat(clock)


def assert_a_timer_starts_it(every: Any, at: str, zone: str, last_at: datetime) -> None:
    """A due time is systemd's own too, or is one that the clocks jump over, which the hourly look makes up for."""
    schedule = Schedule(every=every, at=at, timezone=zone)
    slots = slots_of(schedule, zone="UTC")
    due = next_due(schedule, last_at=last_at, zone=ZoneInfo("UTC"), now=last_at)
    assert slots is not None
    assert due is not None

    elapse = next_elapse(on_calendar(slots), due - timedelta(seconds=1))

    assert look_of(schedule) == HOUR
    assert elapse == due or not on_the_clock(due, at, zone) or elapse == due + HOUR, (due, elapse)


@settings(max_examples=40, deadline=None)
@given(every=CLOCKED, at=CLOCKS, zone=ZONES, last_at=MOMENTS)
def test_systemd_starts_each_job_when_it_is_due(every: Any, at: str, zone: str, last_at: datetime) -> None:
    assert_a_timer_starts_it(every, at, zone, last_at)


@pytest.mark.parametrize(
    ("at", "zone", "last_at"),
    [
        ("02:30", PARIS, datetime(2026, 3, 28, 12, tzinfo=UTC)),  # the gap
        ("02:30", PARIS, datetime(2026, 10, 24, 12, tzinfo=UTC)),  # twice
        ("03:00", PARIS, datetime(2026, 3, 28, 12, tzinfo=UTC)),
        ("02:15", "Australia/Lord_Howe", datetime(2026, 10, 3, 4, tzinfo=UTC)),
        ("01:45", "Australia/Lord_Howe", datetime(2026, 4, 4, 4, tzinfo=UTC)),
        ("00:30", "America/Havana", datetime(2026, 3, 7, 12, tzinfo=UTC)),
        ("00:30", "America/Havana", datetime(2026, 10, 31, 12, tzinfo=UTC)),
    ],
)
def test_systemd_starts_each_job_when_the_clocks_change(at: str, zone: str, last_at: datetime) -> None:
    assert_a_timer_starts_it("day", at, zone, last_at)
