"""When a job is due, and from when on it is late: pure, the time now is an argument.

Without `at`, a step of hours, days or weeks counts from the last good snapshot, so a Desktop that
was away is due as soon as it is back, once. A calendar slot is for people who think in clock times;
where cron has a habit, it is cron's (Source: crontab(5), @weekly and @monthly):

    every: day, at: "02:30"             each day at 02:30
    every: 2 days, at: "02:30"          at 02:30, two days after the day of the last good one
    every: week, at: "02:30"            Sundays at 02:30
    every: [mon, thu]                   those days, at 00:00 unless `at` says otherwise
    every: month                        on the 1st, at 00:00 unless `at` says otherwise
    every: 6 hours                      six hours after the last good one; `at` has no meaning here

A slot that the clocks jump over is due at the first moment after the gap; one in a repeated hour is
due the first time.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from backupjump.config.times import Every, read_every
from backupjump.timing.moments import moment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backupjump.config.models import Job, Schedule

_DAY = timedelta(days=1)
_WEEK = timedelta(weeks=1)
_SUNDAY = 6
_HOUR = timedelta(hours=1)
# From further ahead than this, a snapshot tells of a wrong clock.
_CLOCK_ERROR = timedelta(minutes=5)


def next_due(schedule: Schedule | None, *, last_at: datetime | None, zone: ZoneInfo, now: datetime) -> datetime | None:
    """Return when the job is due next, aware and in UTC; None without a schedule.

    It is due when that is not after `now`. `last_at` is when its last snapshot was taken, a suspect one
    too. Due at once is a job without one, or with one from the future; after any absence it is due once.
    `zone` is for a schedule that names none.
    """
    if schedule is None:
        return None
    if last_at is None or age_of(last_at, now=now) == timedelta.max:
        return now.astimezone(UTC)
    every = read_every(schedule.every)
    if every.step is not None and (schedule.at is None or every.step % _DAY):
        return last_at.astimezone(UTC) + every.step
    zone = ZoneInfo(schedule.timezone) if schedule.timezone else zone
    clock = time.fromisoformat(schedule.at) if schedule.at else time(0)
    slots = (moment(day, clock, zone) for day in _days(every, last_at.astimezone(zone).date()))
    return next(slot for slot in slots if slot > last_at)


def again_after(first_failed_at: datetime, last_failed_at: datetime) -> datetime:
    """Return from when on a job that has failed ever since `first_failed_at` is to be tried again, if it is due.

    As long after the last failure as they have gone on by then, an hour at least and a day at most: what a
    person has to mend is not told every hour.
    """
    return last_failed_at + min(max(last_failed_at - first_failed_at, _HOUR), _DAY)


def age_of(last_good_at: datetime | None, *, now: datetime) -> timedelta:
    """Return how old the last good snapshot is; timedelta.max when there is none, or one from the future.

    A clock was wrong then, and nothing tells how long ago it was taken.
    """
    if last_good_at is None or last_good_at > now + _CLOCK_ERROR:
        return timedelta.max
    return now - last_good_at


def late_after(job: Job) -> timedelta | None:
    """Return the age from which on the last good snapshot makes `job` late; None when it never is."""
    if job.max_age is not None or job.schedule is None:
        return job.max_age
    return 3 * read_every(job.schedule.every).longest


def _days(every: Every, last: date) -> Iterator[date]:
    """Yield the days of the calendar's slots, in order, from one that is not after the day `last` or its successor."""
    if every.monthly:
        for number in count(last.year * 12 + last.month - 1):
            yield date(number // 12, number % 12 + 1, 1)
    if every.step is not None and every.step not in (_DAY, _WEEK):
        yield from (last + every.step * number for number in count(1))
    weekdays = every.weekdays or (range(7) if every.step == _DAY else (_SUNDAY,))
    yield from (day for number in count() if (day := last + _DAY * number).weekday() in weekdays)
