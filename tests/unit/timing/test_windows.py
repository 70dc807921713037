from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupjump.config.desktop import Window
from backupjump.config.times import read_every
from backupjump.timing.windows import Occurrence, latest, upcoming

PARIS = ZoneInfo("Europe/Paris")


def window(every: Any, at: str, hours: float) -> Window:
    return Window(every=read_every(every), at=at, length=timedelta(hours=hours))


def paris(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=PARIS).astimezone(UTC)


TWICE = [window("day", "02:00", 1), window("day", "12:00", 1)]


@pytest.mark.parametrize(
    ("windows", "now", "began", "begins"),
    [
        ([window("day", "02:00", 3)], "2026-11-22 01:59", "2026-11-21 02:00", "2026-11-22 02:00"),
        ([window("day", "02:00", 3)], "2026-11-22 02:00", "2026-11-22 02:00", "2026-11-23 02:00"),
        ([window("day", "23:00", 4)], "2026-11-22 01:00", "2026-11-21 23:00", "2026-11-22 23:00"),
        ([window(["mon", "thu"], "02:00", 3)], "2026-11-22 12:00", "2026-11-19 02:00", "2026-11-23 02:00"),
        ([window("week", "02:00", 3)], "2026-11-21 12:00", "2026-11-15 02:00", "2026-11-22 02:00"),
        ([window("month", "02:00", 3)], "2026-11-22 12:00", "2026-11-01 02:00", "2026-12-01 02:00"),
        (TWICE, "2026-11-22 13:30", "2026-11-22 12:00", "2026-11-23 02:00"),
        (TWICE, "2026-11-22 03:30", "2026-11-22 02:00", "2026-11-22 12:00"),
        # Spring: 02:30 is not on the clock on the 29th; the window begins when the gap ends.
        ([window("day", "02:30", 1)], "2026-03-29 12:00", "2026-03-29 03:00", "2026-03-30 02:30"),
        # Autumn: 02:30 comes twice; the window begins the first time.
        ([window("day", "02:30", 1)], "2026-10-25 12:00", "2026-10-25 02:30", "2026-10-26 02:30"),
    ],
)  # fmt: skip
def test_the_window_that_began_last_and_the_one_that_comes(
    windows: list[Window], now: str, began: str, begins: str
) -> None:
    found = latest(windows, zone=PARIS, now=paris(now))

    assert found is not None
    assert found.start == paris(began)
    assert upcoming(windows, zone=PARIS, now=paris(now)) == paris(begins)


def test_of_two_windows_that_begin_together_the_longer_one_counts() -> None:
    windows = [window("day", "02:00", 1), window("day", "02:00", 4)]

    assert latest(windows, zone=PARIS, now=paris("2026-11-22 02:00")) == Occurrence(
        paris("2026-11-22 02:00"), timedelta(hours=4)
    )


@given(
    every=st.sampled_from(["day", "2 days", "week", "3 weeks", "month", ["tue", "sun"]]),
    at=st.times().map(lambda clock: f"{clock:%H:%M}"),
    zone=st.sampled_from([PARIS, ZoneInfo("Australia/Lord_Howe"), ZoneInfo("Pacific/Apia"), ZoneInfo("UTC")]),
    now=st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1)).map(lambda at: at.replace(tzinfo=UTC)),  # noqa: DTZ001
)
def test_what_comes_next_is_what_will_have_begun_last_then(every: Any, at: str, zone: ZoneInfo, now: datetime) -> None:
    windows = [window(every, at, 3)]

    coming = upcoming(windows, zone=zone, now=now)

    assert coming is not None
    just_before, then = (latest(windows, zone=zone, now=when) for when in (coming - timedelta(seconds=1), coming))
    assert then is not None
    assert (then.start, just_before and just_before.start <= now) == (coming, just_before and True)
