from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backupjump.config.desktop import Tunnel, Unless, Window
from backupjump.config.times import read_every
from backupjump.operations.agent.decide import Decision, LastDone, Served, Situation, decide

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
TODAY = NOON.replace(hour=2)
YESTERDAY = TODAY - 24 * HOUR

WHEN_DUE = Tunnel(jump_nodes=(), port=2020)
ALWAYS = replace(WHEN_DUE, opens="always")
NIGHTLY = replace(WHEN_DUE, opens="windows", windows=(Window(read_every("day"), "02:00", 3 * HOUR),))
THRIFTY = replace(WHEN_DUE, unless=Unless(battery_below=0.4, metered=True))

NOW = Situation(now=NOON, zone=UTC)

OVER, WINDOW = (False, "the window is over"), (True, "a window")
DUE, NOT_DUE, MORE = (True, "a backup is due"), (False, "not due"), (True, "another job is due")
ALWAYS_OPEN, WRONG_CLOCK = (True, "always open"), (True, "the last backup lies in the future: a clock was wrong")


def ago(hours: float) -> datetime:
    return NOON - hours * HOUR


def done(hours_ago: float, *, published: bool = True, more: bool = False) -> LastDone:
    return LastDone(ago(hours_ago), published, more)


def at_noon(*, published: datetime | None = None, last: LastDone | None = None, **more: Any) -> Situation:
    return Situation(**{"now": NOON, "zone": UTC, "last_published_at": published, "last_done": last, **more})


@pytest.mark.parametrize(
    ("tunnel", "situation", "expected"),
    [
        (WHEN_DUE, NOW, (True, "no backup yet")),
        (WHEN_DUE, at_noon(published=ago(20)), DUE),
        (WHEN_DUE, at_noon(published=ago(19.9)), NOT_DUE),
        (WHEN_DUE, at_noon(published=ago(-1)), WRONG_CLOCK),
        (WHEN_DUE, at_noon(published=ago(-0.05)), NOT_DUE),
        # A failed run does not close it; one that says `more` keeps it open for a while.
        (WHEN_DUE, at_noon(published=ago(30), last=done(0, published=False)), DUE),
        (WHEN_DUE, at_noon(published=ago(0), last=done(0, more=True)), MORE),
        (WHEN_DUE, at_noon(published=ago(0.5), last=done(0.5, more=True)), NOT_DUE),
        (WHEN_DUE, at_noon(published=ago(0), last=done(0)), NOT_DUE),
        (ALWAYS, NOW, ALWAYS_OPEN),
        (ALWAYS, at_noon(published=ago(0), last=done(0)), ALWAYS_OPEN),
        # Windows: 02:00 for 3 h; now is noon.
        (NIGHTLY, at_noon(now=TODAY, served=Served(YESTERDAY, YESTERDAY)), WINDOW),
        (NIGHTLY, at_noon(now=TODAY + HOUR, served=Served(TODAY, TODAY)), WINDOW),
        (NIGHTLY, at_noon(served=Served(TODAY, TODAY)), OVER),
        # It slept through the window: once, from the wake, for its length.
        (NIGHTLY, at_noon(served=Served(YESTERDAY, YESTERDAY)), WINDOW),
        (NIGHTLY, at_noon(served=Served(TODAY, ago(2.9))), WINDOW),
        (NIGHTLY, at_noon(served=Served(TODAY, ago(3))), OVER),
        (NIGHTLY, at_noon(served=Served(TODAY, ago(1)), last=done(0.5)), OVER),
        (NIGHTLY, at_noon(served=Served(TODAY, ago(1)), last=done(0.5, published=False)), WINDOW),
        (NIGHTLY, at_noon(served=Served(TODAY, ago(1)), last=done(2)), WINDOW),
        (NIGHTLY, at_noon(served=Served(TODAY, ago(1)), last=done(0.1, more=True)), MORE),
    ],
)  # fmt: skip
def test_when_the_tunnel_opens_and_why(tunnel: Tunnel, situation: Situation, expected: tuple[bool, str]) -> None:
    decision = decide(tunnel, situation)

    assert (decision.open, decision.why) == expected
    assert not decision.deferred


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"paused_until": NOON + HOUR}, "paused"),
        ({"on_battery": True, "percent": 39}, "on battery, 39 %"),
        ({"metered": True}, "on a metered connection"),
    ],
)
def test_the_owner_can_put_it_off_while_a_backup_is_due(changes: dict[str, object], why: str) -> None:
    decision = decide(THRIFTY, replace(NOW, **changes))  # type: ignore[arg-type]

    assert (decision.open, decision.deferred, decision.why) == (False, True, why)


@pytest.mark.parametrize(
    "changes",
    [
        {"paused_until": NOON},
        {"on_battery": True, "percent": 40},
        {"on_battery": True, "percent": None},
        {"on_battery": False, "percent": 5},
    ],
)
def test_what_is_no_veto(changes: dict[str, object]) -> None:
    assert decide(THRIFTY, replace(NOW, **changes)).open  # type: ignore[arg-type]


def test_nothing_is_put_off_when_nothing_is_wanted() -> None:
    not_due = at_noon(published=ago(1), paused_until=NOON + HOUR, metered=True)

    assert decide(THRIFTY, not_due) == Decision(open=False, why="not due", until=ago(1) + THRIFTY.every)


def test_without_a_network_it_waits_and_a_window_is_not_used_up() -> None:
    decision = decide(NIGHTLY, at_noon(online=False))

    assert (decision.open, decision.deferred, decision.serves) == (False, False, None)
    assert decision.why.startswith("offline")


def test_by_hand_it_opens_whatever_stands_against_it() -> None:
    held = at_noon(held_until=NOON + HOUR, paused_until=NOON + HOUR, metered=True, published=ago(0))

    assert decide(THRIFTY, held) == Decision(open=True, why="opened by hand", until=NOON + HOUR)
    assert not decide(THRIFTY, replace(held, now=NOON + HOUR)).open


def test_a_window_is_remembered_by_its_start_and_by_when_it_was_first_wanted() -> None:
    decision = decide(NIGHTLY, NOW)

    assert decision.serves == Served(TODAY, NOON)
    assert decision.until == NOON + 3 * HOUR
