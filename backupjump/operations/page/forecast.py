"""When the store is full, as far as that can be told from what its disk had left after past runs. Pure.

The pace is the Theil-Sen slope: the median of the slopes between all pairs of days. Up to a quarter of the days may be
far off (a film that came and went, a disk that was enlarged) without moving it much. The quartiles of the
slopes say how sure it is; where they don't agree on the direction, nothing is foretold.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import combinations
from statistics import quantiles
from typing import TYPE_CHECKING

from backupjump.operations.page.words import count, day, span
from backupjump.operations.report import size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backupjump.history import FreeSpace

LONGEST_LOOK = timedelta(days=90)
_SHORT_LOOK = timedelta(days=30)
# With so many days in the last 30 what was before them says less than they do.
_ENOUGH_DAYS = 14
_FEWEST_DAYS = 5
_SHORTEST_SPAN = timedelta(days=7)
# Beyond that, no pace of some weeks says anything.
_FARTHEST = 5 * 365
_SOON = 30
_TO_THE_DAY = 60
_DAY_SECONDS = 86_400


class Outlook(StrEnum):
    """What can be said."""

    UNKNOWN = "unknown"
    STEADY = "steady"
    UNCLEAR = "unclear"
    FAR = "far"
    FILLING = "filling"
    SOON = "soon"
    FULL = "full"


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """What can be said and the words for it; `full_on` where a day can be named."""

    outlook: Outlook
    text: str
    full_on: date | None = None


def forecast(samples: Sequence[FreeSpace], *, free_bytes: int, now: datetime) -> Forecast:
    """Foretell from `samples`, one a day and oldest first, when `free_bytes` are used up."""
    if free_bytes <= 0:
        return Forecast(outlook=Outlook.FULL, text="It is full: no run can keep what it brings.", full_on=now.date())
    looked_at = _looked_at(samples, now)
    if len(looked_at) < _FEWEST_DAYS or looked_at[-1].at - looked_at[0].at < _SHORTEST_SPAN:
        return Forecast(
            outlook=Outlook.UNKNOWN,
            text=f"When it is full can't be told yet: that takes {_FEWEST_DAYS} days with a run within "
            f"{_SHORTEST_SPAN.days} days or more, and there {'is' if len(looked_at) == 1 else 'are'} "
            f"{len(looked_at) or 'none'}.",
        )
    slowest, pace, fastest = quantiles(_paces(looked_at), n=4)
    over = span(looked_at[-1].at - looked_at[0].at)
    if slowest <= 0 < fastest:
        return Forecast(
            outlook=Outlook.UNCLEAR,
            text=f"It went up and down in the last {over}, with no direction to foretell anything from.",
        )
    if pace <= 0:
        return Forecast(outlook=Outlook.STEADY, text=f"It has not been filling up in the last {over}.")
    days = free_bytes / pace
    at_pace = f"At the pace of the last {over}, {size(round(pace))} a day,"
    if days > _FARTHEST:
        return Forecast(outlook=Outlook.FAR, text=f"{at_pace} it has room for more than five years.")
    return _full(days, free_bytes / fastest, free_bytes / slowest, at_pace=at_pace, now=now)


def _full(days: float, earliest: float, latest: float, *, at_pace: str, now: datetime) -> Forecast:
    on = (now + timedelta(days=days)).date()
    if days < _SOON:
        left = "within a day" if days < 1 else f"in about {count(int(days), 'day')}"
        text = f"{at_pace} it is full {left}, on {day(on)}."
        return Forecast(outlook=Outlook.SOON, text=text, full_on=on)
    about = f"on about {day(on)}" if days < _TO_THE_DAY else f"in about {span(timedelta(days=days))}, {on:%b %Y}"
    return Forecast(
        outlook=Outlook.FILLING, text=f"{at_pace} it is full {about}{_between(earliest, latest, now)}.", full_on=on
    )


def _between(earliest: float, latest: float, now: datetime) -> str:
    """Return how sure that is, in months; empty where it is the same one."""
    first = (now + timedelta(days=earliest)).date()
    if latest > _FARTHEST:
        return f" ({first:%b %Y} at the earliest)"
    last = (now + timedelta(days=latest)).date()
    return "" if f"{first:%b %Y}" == f"{last:%b %Y}" else f" (between {first:%b %Y} and {last:%b %Y})"


def _looked_at(samples: Sequence[FreeSpace], now: datetime) -> Sequence[FreeSpace]:
    """Return the samples of the last 30 days where there are enough, else of 90; none of a clock that ran ahead."""
    past = [sample for sample in samples if now - LONGEST_LOOK <= sample.at <= now]
    recent = [sample for sample in past if sample.at >= now - _SHORT_LOOK]
    return recent if len(recent) >= _ENOUGH_DAYS else past


def _paces(samples: Sequence[FreeSpace]) -> list[float]:
    """Return the bytes a day by which it filled up between any two of the samples."""
    return [
        (before.free_bytes - after.free_bytes) * _DAY_SECONDS / (after.at - before.at).total_seconds()
        for before, after in combinations(samples, 2)
        if after.at > before.at
    ]
