from __future__ import annotations

import pytest

from backupjump.timing.backoff import pause_seconds


@pytest.mark.parametrize(
    ("failures", "refused", "seconds"),
    [
        (1, False, 5),
        (2, False, 10),
        (3, False, 20),
        (6, False, 160),
        (7, False, 300),
        (8, False, 300),
        (10**6, False, 300),
        (1, True, 900),
        (9, True, 900),
    ],
)
def test_a_pause_doubles_up_to_five_minutes_and_is_long_at_once_where_a_key_was_refused(
    failures: int, refused: bool, seconds: float
) -> None:
    assert pause_seconds(failures, refused=refused, chance=0.5) == seconds


@pytest.mark.parametrize(("chance", "seconds"), [(0.0, 14), (1.0, 26)])
def test_chance_moves_a_pause_by_three_tenths_at_most(chance: float, seconds: float) -> None:
    assert pause_seconds(3, refused=False, chance=chance) == pytest.approx(seconds)


def test_no_pause_is_shorter_than_sshd_tolerates() -> None:
    assert pause_seconds(1, refused=False, chance=0.0) == 5


@pytest.mark.parametrize(("failures", "seconds"), [(1, 5), (2, 10), (3, 10), (60, 10), (61, 300)])
def test_what_no_sshd_penalises_is_tried_every_ten_seconds_for_a_quarter_of_an_hour(
    failures: int, seconds: float
) -> None:
    assert pause_seconds(failures, refused=False, chance=0.5, harmless=True) == seconds
