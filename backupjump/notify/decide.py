"""What to tell whom: pure, of how the jobs stand, what a channel has told before, and the time now.

What was told is remembered, what is news is computed from how things stand: so a message that did not get through
is news the next time, and a lost memory costs one message more. Of one reason (an error's word, or `stale`,
`suspect`, `recovered`) a channel sends one message in an hour: twenty jobs that fail with the store's disk are two.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from backupjump.config.telling import Happening
from backupjump.notify.happenings import Event
from backupjump.notify.memory import JobTold, Memory

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime

    from backupjump.config.telling import Channel
    from backupjump.notify.happenings import Standing

QUIET = timedelta(hours=1)
# A time of the past that lies further ahead than this is a wrong clock's; it would put things off for as long.
_CLOCK_ERROR = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Decided:
    """What to tell by a channel, and what it has told once that has got through."""

    events: tuple[Event, ...]
    after: Memory


def decide(
    channel: Channel,
    standings: Iterable[Standing],
    memory: Memory,
    *,
    jobs: Collection[str],
    now: datetime,
    hold: bool = True,
) -> Decided:
    """Return what `channel` is to tell of how the jobs stand, and its memory afterwards.

    `jobs` are all that can have news; of another one what was told is forgotten. One of them without a standing (its
    store can't be read) stays as it is. Without `hold`, what waited for its hour comes now.
    """
    told = {name: each for name, each in memory.jobs.items() if name in jobs}
    reasons = {reason: at for reason, at in memory.reasons.items() if _within(QUIET, at, now)}
    held = frozenset(reasons) if hold else frozenset()
    events = []
    for standing in standings:
        before = told.get(standing.job)
        event = _news(channel, standing, before, now=now)
        if event is not None and not event.repeat and _reason(event) in held:
            event = None
        elif before is not None and is_over(standing, before):
            del told[standing.job]
            before = None
        if event is not None:
            events.append(event)
            reasons[_reason(event)] = now
        if event is not None and event.kind is not Happening.RECOVERED:
            told[standing.job] = _told(event, before, now=now)
        elif before is not None and standing.trouble is not None:
            # It has failed again meanwhile: a good snapshot from before that ends nothing.
            told[standing.job] = replace(before, since=max(before.since, standing.since or before.since))
    return Decided(events=tuple(events), after=replace(memory, jobs=told, reasons=reasons))


def is_over(standing: Standing, before: JobTold) -> bool:
    """Whether what was told of a job is over: all is good, or a good snapshot is newer than the trouble.

    A Desktop that is away proves nothing.
    """
    newer = standing.last_good_at is not None and standing.last_good_at > before.since
    return standing.trouble is None and (standing.well or newer)


def _news(channel: Channel, standing: Standing, before: JobTold | None, *, now: datetime) -> Event | None:
    """Return what there is to tell of one job, whether or not it has to wait."""
    if standing.trouble is None:
        if before is not None and is_over(standing, before) and Happening.RECOVERED in channel.on:
            return Event(kind=Happening.RECOVERED, standing=standing, since=before.began)
        return None
    if standing.trouble not in channel.on:
        return None
    event = Event(kind=standing.trouble, standing=standing, since=standing.since or now)
    if before is None or standing.trouble not in before.kinds:
        return event
    if _within(channel.repeat, before.at, now):
        return None
    return replace(event, since=before.began, repeat=True)


def _reason(event: Event) -> str:
    return event.standing.reason if event.kind is Happening.FAILED else event.kind.value


def _told(event: Event, before: JobTold | None, *, now: datetime) -> JobTold:
    since = event.standing.since or now
    kinds = before.kinds if before is not None else frozenset()
    return JobTold(
        kinds=kinds | {event.kind},
        at=now,
        since=max(since, before.since) if before is not None else since,
        began=before.began if before is not None else since,
    )


def _within(length: timedelta, at: datetime, now: datetime) -> bool:
    return at - _CLOCK_ERROR < now < at + length
