from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupjump.config.times import Every, read_clock, read_duration, read_every, write_duration, write_every


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("10m", 600),
        ("10 min", 600),
        ("1h30m", 5400),
        ("1.5h", 5400),
        ("36 hours", 129600),
        ("2 days, 3 hours", 183600),
        ("1w", 604800),
        (" 2 Days ", 172800),
    ],
)
def test_a_duration_is_read_as_a_person_means_it(text: str, seconds: float) -> None:
    assert read_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    ["20:00", "-1h", "+1h", "20", "", "h", "1x", "2 months", "1h-30m", "0s", "0.2s", "99999999w", "١h", 20, None, True],
)
def test_what_is_not_clearly_a_duration_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match=r"is not a duration|from one second to ten years"):
        read_duration(text)


@given(st.timedeltas(min_value=timedelta(seconds=1), max_value=timedelta(days=3660)))
def test_a_written_duration_reads_as_the_same(value: timedelta) -> None:
    assert abs(read_duration(write_duration(value)) - value) < timedelta(milliseconds=1)


@pytest.mark.parametrize("text", ["00:00", "02:30", "23:59"])
def test_a_clock_time_is_read(text: str) -> None:
    assert read_clock(text) == text


@pytest.mark.parametrize("text", ["24:00", "2:30", "02:60", "0230", "02:30:00", "2pm", 150, None, "٠٢:٣٠"])
def test_what_is_not_a_clock_time_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="is not a clock time"):
        read_clock(text)


@pytest.mark.parametrize(
    ("written", "longest_days"),
    [
        ("hour", 1 / 24),
        ("6 hours", 0.25),
        ("day", 1),
        ("2 days", 2),
        ("week", 7),
        ("month", 31),
        (["mon"], 7),
        (["mon", "thu"], 4),
        (["sun", "mon", "mon"], 6),
    ],
)
def test_a_cadence_knows_its_longest_pause_and_reads_back(written: str | list[str], longest_days: float) -> None:
    every = read_every(written)

    assert every.longest == timedelta(days=longest_days)
    assert read_every(write_every(every)) == every


@pytest.mark.parametrize(
    "written", ["fortnight", "0 days", "-1 day", "1.5 days", "1000 days", [], ["monday"], [["mon"]], 5, None]
)
def test_what_is_not_a_cadence_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match="is not a"):
        read_every(written)


def test_weekdays_are_kept_in_the_order_of_the_week() -> None:
    assert read_every(["thu", "mon"]) == Every(weekdays=(0, 3))
