"""When a timer should look whether a job is due: at the clock times of its schedule, and often enough between.

A timer only looks; `run --if-due` decides by stored times (cadence.py). So one look too many costs nothing,
and the regular ones make up for what a timer misses: a time that the clocks jump over (systemd leaves that day
out), a machine that slept, a Desktop that was away.  Source: systemd #5595.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from backupjump.config.times import read_every

if TYPE_CHECKING:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from backupjump.config.models import Schedule

_DAY = timedelta(days=1)
_WEEK = timedelta(weeks=1)
_SUNDAY = 6
_HOUR = timedelta(hours=1)
_QUARTER = timedelta(minutes=15)
_LONGEST_WAIT = timedelta(minutes=30)


@dataclass(frozen=True, kw_only=True)
class Slots:
    """Clock times: `clock` (24 hours, HH:MM) in `zone` on `weekdays` (0 is Monday; none: each day), or on the 1st."""

    clock: str
    zone: str
    weekdays: tuple[int, ...] = ()
    monthly: bool = False

    @property
    def hour(self) -> int:
        """The hour of `clock`."""
        return int(self.clock[:2])

    @property
    def minute(self) -> int:
        """The minute of `clock`."""
        return int(self.clock[3:])


@dataclass(frozen=True, kw_only=True)
class Timer:
    """What starts one job: at `slots`, and each `look`, which divides an hour; `argv` is what to start, once.

    `prepare_argv` is what makes the next run ready when it has ended, empty for nothing.
    """

    job: str
    desktop: str
    slots: Slots | None
    look: timedelta
    argv: tuple[str, ...]
    prepare_argv: tuple[str, ...] = ()


def slots_of(schedule: Schedule, *, zone: str) -> Slots | None:
    """Return the clock times of `schedule`, None when it counts from the last snapshot instead.

    Where each slot hangs on the last snapshot (every 3 days at 02:30) it is the clock time of every day.
    `zone` is for a schedule that names none.
    """
    every = read_every(schedule.every)
    if every.step is not None and (schedule.at is None or every.step % _DAY):
        return None
    weekdays = (_SUNDAY,) if every.step == _WEEK else every.weekdays
    return Slots(clock=schedule.at or "00:00", zone=schedule.timezone or zone, weekdays=weekdays, monthly=every.monthly)


def look_of(schedule: Schedule) -> timedelta:
    """Return how often to look: each hour beside clock times, else a twelfth of the step, 15 minutes at most.

    A job that is due an hour after its last snapshot would, looked at each hour, run every other hour.
    """
    step = read_every(schedule.every).step
    if step is None or (schedule.at is not None and not step % _DAY):
        return _HOUR
    return min(step / 12, _QUARTER)


def wait_of(look: timedelta) -> timedelta:
    """Return how long a run may wait for its Desktop: never past the next look, which would find it waiting."""
    return min(look, _LONGEST_WAIT)


def same_clock(one: ZoneInfo, other: ZoneInfo, *, now: datetime) -> bool:
    """Whether clocks in both zones show the same for two years from `now` on, as in Europe/Paris and Europe/Berlin."""
    days = (now + _DAY * number for number in range(2 * 366))
    return all(day.astimezone(one).utcoffset() == day.astimezone(other).utcoffset() for day in days)
