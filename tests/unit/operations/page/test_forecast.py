from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupjump.history import FreeSpace
from backupjump.operations.page.forecast import Forecast, Outlook, forecast

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
GB = 10**9


def samples(days: Sequence[int], free: Callable[[int], float]) -> list[FreeSpace]:
    """Return what was free, in GB, so many days ago."""
    return [FreeSpace(at=NOW - timedelta(days=ago), free_bytes=round(free(ago) * GB)) for ago in days]


def told(free: Callable[[int], float], *, days: Sequence[int] = range(60, -1, -1), left: float = 100) -> Forecast:
    return forecast(samples(days, free), free_bytes=round(left * GB), now=NOW)


@pytest.mark.parametrize(
    ("free", "left", "outlook", "full_on"),
    [
        (lambda ago: 100 + ago, 100, Outlook.FILLING, date(2027, 3, 2)),
        (lambda ago: 20 + ago, 20, Outlook.SOON, date(2026, 12, 12)),
        (lambda ago: 40 + ago, 40, Outlook.FILLING, date(2027, 1, 1)),
        (lambda _ago: 100, 100, Outlook.STEADY, None),
        (lambda ago: 100 - ago, 100, Outlook.STEADY, None),
        (lambda ago: 100 + ago / 100, 100, Outlook.FAR, None),
        (lambda ago: 100 + 10 * (ago % 2), 100, Outlook.UNCLEAR, None),
        # A film that came and went, and a disk that got larger, before the last 30 days and within them.
        (lambda ago: 100 + ago - 60 * (ago in (8, 9, 10)), 100, Outlook.FILLING, date(2027, 3, 2)),
        (lambda ago: 100 + ago - 500 * (ago > 40), 100, Outlook.FILLING, date(2027, 3, 2)),
        (lambda ago: 100 + ago - 50 * (ago > 27), 100, Outlook.FILLING, date(2027, 3, 2)),
        (lambda ago: ago, 0, Outlook.FULL, date(2026, 11, 22)),
    ],
)
def test_what_is_foretold_follows_the_median_pace(
    free: Callable[[int], float], left: float, outlook: Outlook, full_on: date | None
) -> None:
    found = told(free, left=left)

    assert (found.outlook, found.full_on) == (outlook, full_on)


@pytest.mark.parametrize(
    ("days", "words"),
    [
        ([], "there are none"),
        ([0], "there is 1"),
        ([3, 2, 1, 0], "there are 4"),
        ([6, 5, 4, 3, 2, 1, 0], "there are 7"),
        ([200, 190, 180, 170, 160, 1, 0], "there are 2"),
        ([8, 3, 0, -1, -400], "there are 3"),
    ],
)
def test_with_too_few_days_nothing_is_foretold(days: list[int], words: str) -> None:
    found = told(lambda ago: 100 + ago, days=days)

    assert (found.outlook, found.full_on) == (Outlook.UNKNOWN, None)
    assert words in found.text


def test_five_days_in_eight_are_enough_to_begin_with() -> None:
    assert told(lambda ago: 100 + ago, days=[8, 6, 4, 2, 0]).outlook is Outlook.FILLING


@pytest.mark.parametrize(
    ("free", "left", "text"),
    [
        (lambda ago: 20 + ago, 20, "At the pace of the last 30 days, 1.0 GB a day, it is full in about 20 days, "),
        (lambda ago: 0.5 + ago, 0.5, "it is full within a day, on 23 Nov 2026."),
        (lambda ago: 40 + ago, 40, "it is full on about 1 Jan 2027."),
        (lambda ago: 100 + ago, 100, "it is full in about 3 months, Mar 2027."),
        (lambda ago: 100 + ago / 100, 100, "it has room for more than five years."),
        (lambda ago: 100 - ago, 100, "It has not been filling up in the last 30 days."),
    ],
)
def test_the_words_say_how_fast_and_when(free: Callable[[int], float], left: float, text: str) -> None:
    assert text in told(free, left=left).text


def test_an_uneven_pace_is_told_with_its_range() -> None:
    chance = random.Random(1)

    found = told(lambda ago: 100 + ago + chance.uniform(-4, 4))

    assert "(between Feb 2027 and Apr 2027)" in found.text


@given(
    st.lists(st.tuples(st.integers(-50, 4000), st.integers(0, 2**60)), max_size=40),
    st.integers(0, 2**60),
)
def test_no_day_is_ever_named_that_is_past_or_more_than_five_years_ahead(
    told_of: list[tuple[int, int]], free_bytes: int
) -> None:
    oldest_first = sorted(
        (FreeSpace(at=NOW - timedelta(hours=hours), free_bytes=free) for hours, free in told_of),
        key=lambda each: each.at,
    )

    found = forecast(oldest_first, free_bytes=free_bytes, now=NOW)

    assert found.full_on is None or NOW.date() <= found.full_on <= NOW.date() + timedelta(days=5 * 365 + 1)
    assert (found.full_on is None) == (found.outlook not in (Outlook.SOON, Outlook.FILLING, Outlook.FULL))
