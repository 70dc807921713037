"""How the runs of a job ended, day by day: seven rows of weeks. Pure; what a day was is decided here."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from backupjump.run import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import tzinfo

    from backupjump.history import Outcome

_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


class Kind(StrEnum):
    """What a day was for a job. A status of a run, or none of all, or still to come."""

    OK = "ok"
    WARNING = "warning"
    SUSPECT = "suspect"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    DEFERRED = "deferred"
    AWAY = "away"
    NONE = "none"
    FUTURE = "future"


# For the legend, in its order, and for the text of a day.
MEANING = {
    Kind.OK: "good backup",
    Kind.WARNING: "good, but paths were left out",
    Kind.SUSPECT: "suspect: needs a look",
    Kind.FAILED: "failed",
    Kind.INTERRUPTED: "interrupted, goes on later",
    Kind.DEFERRED: "put off",
    Kind.AWAY: "Desktop away",
    Kind.NONE: "no run",
}
# These tell how a day went; of the others the first that occurs.
_TELLING = (Status.OK, Status.WARNING, Status.FAILED)
_ELSE = (Status.INTERRUPTED, Status.DEFERRED, Status.AWAY)


@dataclass(frozen=True, kw_only=True)
class Day:
    """One cell: what the day was, and the same in words."""

    kind: Kind
    text: str


@dataclass(frozen=True, kw_only=True)
class Weekday:
    """One row: the same day of all weeks, oldest first."""

    name: str
    days: tuple[Day, ...]


@dataclass(frozen=True, kw_only=True)
class Calendar:
    """The days of some weeks, Monday first. `weeks` has the Monday of each; `months` a label where a month begins."""

    weeks: tuple[str, ...]
    months: tuple[str, ...]
    rows: tuple[Weekday, ...]


def first_day(today: date, weeks: int) -> date:
    """Return the Monday on which the last `weeks` begin; the week of `today` is the last of them."""
    return today - timedelta(days=today.weekday(), weeks=weeks - 1)


def first_moment(today: date, weeks: int, zone: tzinfo) -> datetime:
    """Return when that Monday begins."""
    return datetime.combine(first_day(today, weeks), time(), tzinfo=zone)


def calendar(outcomes: Iterable[Outcome], *, today: date, weeks: int, zone: tzinfo) -> Calendar:
    """Return the last `weeks` of a job; a run counts on the day, in `zone`, on which it ended. Oldest run first."""
    by_day: dict[date, list[Status]] = defaultdict(list)
    for outcome in outcomes:
        by_day[outcome.ended_at.astimezone(zone).date()].append(outcome.status)
    start = first_day(today, weeks)
    mondays = [start + timedelta(weeks=number) for number in range(weeks)]

    def of(on: date) -> Day:
        if on > today:
            return Day(kind=Kind.FUTURE, text=f"{on.day} {on:%b}: to come")
        found = by_day.get(on, [])
        return Day(kind=kind_of(found), text=f"{on.day} {on:%b}: {text_of(found)}")

    return Calendar(
        weeks=tuple(f"{monday.day} {monday:%b}" for monday in mondays),
        months=tuple(_month_of(monday, monday - timedelta(weeks=1)) for monday in mondays),
        rows=tuple(
            Weekday(name=name, days=tuple(of(monday + timedelta(days=number)) for monday in mondays))
            for number, name in enumerate(_WEEKDAYS)
        ),
    )


def kind_of(statuses: Sequence[Status]) -> Kind:
    """Return what a day was, from how its runs ended, in their order.

    A suspect one marks it whatever came after. Else the last good or failed one tells: what failed at two and
    went well at three is a good day. Else how far it got.
    """
    if Status.SUSPECT in statuses:
        return Kind.SUSPECT
    telling = [status for status in statuses if status in _TELLING]
    if telling:
        return Kind(telling[-1].value)
    return next((Kind(status.value) for status in _ELSE if status in statuses), Kind.NONE)


def text_of(statuses: Sequence[Status]) -> str:
    """Return the day's runs in words: what the day was, and each kind of end with its number."""
    if not statuses:
        return MEANING[Kind.NONE]
    counted = Counter(statuses)
    if len(statuses) == 1:
        return MEANING[kind_of(statuses)]
    counts = ", ".join(f"{counted[status]} {status.value}" for status in Status if status in counted)
    return f"{MEANING[kind_of(statuses)]} ({counts})"


def _month_of(monday: date, before: date) -> str:
    return f"{monday:%b}" if monday.month != before.month else ""
