from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupjump.operations.page.chart import HEIGHT, WIDTH, Chart, chart, thinned

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ZONE = ZoneInfo("Europe/Paris")


def drawn(*values: float, bars: bool = False) -> Chart | None:
    points = [(NOW + timedelta(days=number), value) for number, value in enumerate(values)]
    return chart("Size", points, bars=bars, unit=lambda value: f"{value:g} B", zone=ZONE)


def test_nothing_is_drawn_of_nothing() -> None:
    assert drawn() is None


@pytest.mark.parametrize(
    ("values", "bars", "line", "area"),
    [
        ((0, 10), False, "M2 72L298 4", "M2 72L2 72L298 4L298 72Z"),
        ((10, 0, 5), True, "M2 72V4M150 72V71M298 72V38", ""),
        ((7,), False, "M150 4h.01", ""),
        ((7,), True, "M150 72V4", ""),
        ((0, 0), False, "M2 72L298 72", "M2 72L2 72L298 72L298 72Z"),
    ],
)
def test_values_reach_from_zero_to_the_largest(values: tuple[float, ...], bars: bool, line: str, area: str) -> None:
    found = drawn(*values, bars=bars)

    assert found is not None
    assert (found.line, found.area) == (line, area)


def test_a_chart_says_in_words_what_it_shows() -> None:
    found = drawn(3, 9, 1, 4)

    assert found is not None
    assert found.summary == "4 runs, 22 Nov 2026 to 25 Nov 2026: smallest 1 B, largest 9 B, last 4 B"
    assert (found.top, found.newest, found.first, found.last) == ("9 B", "4 B", "22 Nov 2026", "25 Nov 2026")


def test_of_many_points_the_peaks_and_the_last_one_are_drawn() -> None:
    points = [(NOW + timedelta(hours=number), float(number == 777)) for number in range(1000)]

    kept = thinned(points, most=100)

    assert len(kept) == 100
    assert (NOW + timedelta(hours=777), 1.0) in kept
    assert kept[-1] == points[-1]
    assert [at for at, _value in kept] == sorted(at for at, _value in kept)


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 2**62)), min_size=1, max_size=300), st.booleans())
def test_a_path_is_short_and_stays_within_its_picture(told: list[tuple[int, int]], bars: bool) -> None:
    points = sorted((NOW + timedelta(minutes=minutes), float(value)) for minutes, value in told)

    found = chart("Size", points, bars=bars, unit=str, zone=ZONE)

    assert found is not None
    numbers = [float(number) for number in re.findall(r"-?[\d.]+(?:e[-+]?\d+)?", found.line)]
    assert max(numbers) <= max(WIDTH, HEIGHT)
    assert min(numbers) >= 0
    assert re.fullmatch(r"[MLVZh\d. ]+", found.line + found.area)
    assert len(found.line) + len(found.area) < 4000
