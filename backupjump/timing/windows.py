"""The times in which a Desktop's tunnel stands open: which one began last. Pure. Python 3.9, the standard library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

from backupjump.config.desktop import Window
from backupjump.config.times import Every
from backupjump.timing.moments import moment

_DAY = timedelta(days=1)
_WEEK = timedelta(weeks=1)
_SUNDAY = 6
# Longer than the longest cadence: 999 weeks, as times.read_every has it, would be looked for in vain.
_FURTHEST_DAYS = 400


@dataclass(frozen=True)
class Occurrence:
    """One time that a window begins: when, and for how long it is open."""

    start: datetime
    length: timedelta


def latest(windows: Sequence[Window], *, zone: tzinfo, now: datetime) -> Occurrence | None:
    """Return the occurrence that began last at or before the aware `now`, over or not; None if there was none.

    Of two that begin together it is the longer one.
    """
    return max(
        (found for window in windows if (found := _latest(window, zone, now)) is not None),
        key=lambda each: (each.start, each.length),
        default=None,
    )


def upcoming(windows: Sequence[Window], *, zone: tzinfo, now: datetime) -> datetime | None:
    """Return when the next occurrence begins after the aware `now`; None if none does within 400 days."""
    today = now.astimezone(zone).date()
    starts = (
        start
        for window in windows
        for days in range(-1, _FURTHEST_DAYS)
        if _falls_on(window.every, day := today + days * _DAY)
        if (start := moment(day, time.fromisoformat(window.at), zone)) > now
    )
    return min(starts, default=None)


def _latest(window: Window, zone: tzinfo, now: datetime) -> Occurrence | None:
    # Tomorrow too: where a zone skips a day, the clock's date and the moment's part ways.
    today = now.astimezone(zone).date() + _DAY
    for days in range(_FURTHEST_DAYS):
        day = today - days * _DAY
        if _falls_on(window.every, day):
            start = moment(day, time.fromisoformat(window.at), zone)
            if start <= now:
                return Occurrence(start, window.length)
    return None


def _falls_on(every: Every, day: date) -> bool:
    """Whether a window of this cadence begins on `day`; several days or weeks are counted from the calendar's first."""
    if every.monthly:
        return day.day == 1
    if every.step is None:
        return day.weekday() in every.weekdays
    if every.step % _WEEK == timedelta(0):
        return day.weekday() == _SUNDAY and day.toordinal() // 7 % (every.step // _WEEK) == 0
    return day.toordinal() % max(1, every.step // _DAY) == 0
