"""Times as a person says them. Pure; the zone and the time now are arguments."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)
# The largest unit of which there are two.
_UNITS = (
    ("year", timedelta(days=365)),
    ("month", timedelta(days=30.44)),
    ("day", _DAY),
    ("hour", timedelta(hours=1)),
    ("minute", timedelta(minutes=1)),
)


def span(length: timedelta) -> str:
    """Return a length as `3 hours`, rounded down, in the largest unit of which there are two; from a minute on."""
    for unit, one in _UNITS:
        if length >= 2 * one:
            return f"{length // one} {unit}s"
    return "1 minute" if length >= timedelta(minutes=1) else "less than a minute"


def ago(at: datetime, now: datetime) -> str:
    """Return how long ago a time was: `3 hours ago`; one that is ahead of the clock is said to be."""
    if at > now + timedelta(minutes=5):
        return "in the future: was a clock wrong?"
    return "just now" if now - at < timedelta(minutes=1) else f"{span(now - at)} ago"


def took(seconds: float) -> str:
    """Return how long a run took: `45 s`, `3 min 20 s`, `42 min`, `2 h 05 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 600:
        return f"{whole // 60} min {whole % 60:02} s"
    if whole < 3600:
        return f"{whole // 60} min"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def moment(at: datetime, zone: ZoneInfo) -> str:
    """Return a time with its day: `Thu 26 Nov 2026, 02:30`."""
    local = at.astimezone(zone)
    return f"{local:%a} {local.day} {local:%b %Y, %H:%M}"


def soon(at: datetime, zone: ZoneInfo) -> str:
    """Return a time of the next days, without its year: `Thu 26 Nov, 02:30`."""
    local = at.astimezone(zone)
    return f"{local:%a} {local.day} {local:%b, %H:%M}"


def day(on: date) -> str:
    """Return a day with its year: `26 Nov 2026`."""
    return f"{on.day} {on:%b %Y}"


def count(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun: `1 job`, `1,200 jobs`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
