from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from backupjump.timing.habit import next_expected

PARIS = ZoneInfo("Europe/Paris")
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)  # a Sunday
DAY = timedelta(days=1)


def at(day: int, clock: str, month: int = 11) -> datetime:
    """Return when clocks in Paris show this in 2026."""
    hour, minute = clock.split(":")
    return datetime(2026, month, day, int(hour), int(minute), tzinfo=PARIS)


OFFICE = [at(day, "08:30") for day in (2, 3, 4, 5, 6, 9, 10, 11, 12, 13, 16, 17, 18, 19, 20)]


@pytest.mark.parametrize(
    ("contacts", "now", "expected"),
    [
        pytest.param(OFFICE, NOW, at(23, "08:30"), id="not on a Sunday"),
        pytest.param(OFFICE, at(23, "07:00"), at(23, "08:30"), id="today"),
        pytest.param(OFFICE, at(23, "09:00"), at(24, "08:30"), id="today it is past"),
        pytest.param([*OFFICE, at(22, "09:00")], NOW, at(23, "08:30"), id="one Sunday is no habit"),
        pytest.param([*OFFICE, at(16, "19:00"), at(9, "03:00")], NOW, at(23, "08:30"), id="first of a day, the middle"),
        pytest.param([at(18, "20:00"), at(19, "20:00"), at(20, "20:00")], NOW, at(25, "20:00"), id="the first week"),
        pytest.param([at(19, "20:00"), at(20, "20:00"), at(20, "21:00")], NOW, None, id="two days tell nothing"),
        pytest.param([at(day, "20:00") for day in (1, 5, 10)], NOW, None, id="no habit"),
        pytest.param([each - 40 * DAY for each in OFFICE], NOW, None, id="long ago"),
        pytest.param([], NOW, None, id="never"),
        pytest.param(
            [at(day, "09:00", 10) for day in (22, 23, 24)], at(25, "10:00", 10), at(29, "09:00", 10), id="dst"
        ),
    ],
)
def test_a_desktop_is_expected_on_the_weekdays_and_at_the_hour_at_which_it_comes(
    contacts: list[datetime], now: datetime, expected: datetime | None
) -> None:
    assert next_expected(contacts, zone=PARIS, now=now) == expected
