"""Twenty laptops over two months, by the rules of agent, serve, cadence and state, in simulated time."""

from __future__ import annotations

import statistics
import sys

import pytest

from fleet import Outcome, simulate


def holds(outcome: Outcome) -> bool:
    """Whether the days came to what is promised; the table says what they came to."""
    return (
        outcome.covered >= 0.99 * outcome.laptop_days
        and statistics.median(outcome.ages_hours) < 26
        and not outcome.false_alarms
    )


def test_a_day_with_an_hour_online_ends_with_a_backup_and_nobody_is_alarmed_without_need() -> None:
    outcome = simulate(laptops=6, days=40, seed=3)

    assert outcome.laptop_days > 150
    assert holds(outcome), f"{outcome.table()}\n{outcome.missed}\n{outcome.false_alarms}"


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1, 6))
def test_so_it_is_for_twenty_laptops_over_sixty_days(seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    outcome = simulate(laptops=20, days=60, seed=seed)

    with capsys.disabled():
        sys.stdout.write(f"\nseed {seed}\n{outcome.table()}\n")
    assert holds(outcome), f"{outcome.missed}\n{outcome.false_alarms}"
