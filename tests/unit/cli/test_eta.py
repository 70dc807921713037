from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupjump.cli.eta import Eta, told_left


def test_nothing_is_guessed_before_there_is_something_to_guess_from() -> None:
    eta = Eta()

    assert [eta.see(share, at=at) for share, at in [(0.0, 0), (0.01, 1), (0.02, 2)]] == [None, None, None]


@given(seconds=st.integers(30, 100_000), now=st.floats(0, 1e6))
def test_even_work_is_guessed_right_from_any_point_on(seconds: int, now: float) -> None:
    eta = Eta()
    left = [eta.see(done / 100, at=now + done / 100 * seconds) for done in range(100)]

    assert left[50] is not None
    assert left[50].total_seconds() == pytest.approx(seconds / 2, rel=0.01)


def test_between_two_whole_percents_the_guess_does_not_jump() -> None:
    eta = Eta()
    guesses = [eta.see((second // 10) / 100, at=second) for second in range(1_000)]

    settled = [each.total_seconds() for each in guesses[200:900] if each is not None]
    jumps = [abs(after - before) for before, after in pairwise(settled)]
    assert max(jumps) <= 11


def test_what_was_long_ago_counts_less() -> None:
    eta = Eta()
    for second in range(600):
        eta.see(second * 0.0001, at=second)  # slow
    for second in range(600, 1_200):
        left = eta.see(0.06 + (second - 600) * 0.001, at=second)  # ten times as fast

    assert left is not None
    assert left < timedelta(seconds=2 * (1 - 0.66) / 0.001)


def test_a_share_that_stands_still_tells_nothing_after_a_while() -> None:
    eta = Eta()
    for second in range(60):
        eta.see(second / 100, at=second)

    assert eta.see(0.59, at=62) is not None
    assert eta.see(0.59, at=80) is None


def test_a_share_that_falls_is_other_work() -> None:
    eta = Eta()
    for second in range(60):
        eta.see(second / 60, at=second)

    assert eta.see(0.1, at=61) is None


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "about 0 s left"),
        (4, "about 10 s left"),
        (61, "about 2 min left"),
        (599, "about 10 min left"),
        (601, "about 15 min left"),
        (3_700, "about 1.5 h left"),
        (2 * 86_400, "about 2 days left"),
        (40 * 86_400, "more than 30 days left"),
    ],
)
def test_a_time_left_is_told_as_coarsely_as_it_is_known(seconds: float, told: str) -> None:
    assert told_left(timedelta(seconds=seconds)) == told
