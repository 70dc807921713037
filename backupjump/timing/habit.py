"""When a Desktop is expected next, by when it came before. Pure: the time now is an argument."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, time, timedelta
from statistics import median_low
from typing import TYPE_CHECKING

from backupjump.timing.moments import moment

if TYPE_CHECKING:
    from collections.abc import Iterable
    from zoneinfo import ZoneInfo

_WEEK = timedelta(weeks=1)
_LOOKED_BACK = 4 * _WEEK
# From fewer days than these nothing can be told.
_FEWEST_DAYS = 3


def next_expected(contacts: Iterable[datetime], *, zone: ZoneInfo, now: datetime) -> datetime | None:
    """Return when a Desktop that came at `contacts` will come next, in UTC; None where they show no habit.

    Weekdays count on which it came in half of the last four weeks or more, as far as they are known, each with the
    middle one of the clock times at which it first came. Times are aware.
    """
    recent = sorted(each.astimezone(zone) for each in contacts if now - _LOOKED_BACK < each <= now)
    first_of_day = {each.date(): each for each in reversed(recent)}
    if len(first_of_day) < _FEWEST_DAYS:
        return None
    weeks = -(-(now - recent[0]) // _WEEK)
    clocks: dict[int, list[int]] = defaultdict(list)
    for day, at in first_of_day.items():
        clocks[day.weekday()].append(at.hour * 60 + at.minute)
    today = now.astimezone(zone).date()
    for days in range(8):
        day = today + timedelta(days=days)
        minutes = clocks[day.weekday()]
        if 2 * len(minutes) < weeks:
            continue
        hour, minute = divmod(median_low(minutes), 60)
        if (at := moment(day, time(hour, minute), zone)) > now:
            return at
    return None
