"""Which snapshots stay, and why. Pure: the numbers of `keep`, the snapshots and `now` come in, reasons come out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import chain

from backupjump.config.models import Keep
from backupjump.escape import shown
from backupjump.run import Status, rfc3339
from backupjump.store.layout import read_id
from backupjump.store.marks import Hold
from backupjump.store.snapshots import Snapshot

# A snapshot that is further ahead than this was taken by a wrong clock, not in another zone.
FUTURE = timedelta(hours=24)
# How much older than the newest good one a suspect one gets before it may go.
SUSPECT_STAYS = timedelta(days=7)
# What may go at once without a person: the larger of a number and a share of the good ones.
AT_ONCE = 3
SHARE_AT_ONCE = 0.25
# After a pause as long as this, the clock is as likely to be wrong as right.
LONGEST_PAUSE = timedelta(days=60)


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Why a snapshot stays; without a reason it may go. `held`: one of the reasons is that someone wants it."""

    snapshot: Snapshot
    reasons: tuple[str, ...]
    held: bool = False

    @property
    def goes(self) -> bool:
        """Whether nothing keeps it."""
        return not self.reasons


# The time is in UTC. A bucket is named by its label: an hour by UTC, so that the hour that a clock change
# repeats is two of them; the others by the calendar of the store's zone, weeks by ISO 8601.
_BUCKETS: Mapping[str, Callable[[datetime, tzinfo], str]] = {
    "hourly": lambda at, _zone: f"{at:%Y-%m-%dT%HZ}",
    "daily": lambda at, zone: f"{at.astimezone(zone):%Y-%m-%d}",
    "weekly": lambda at, zone: f"{at.astimezone(zone):%G-W%V}",
    "monthly": lambda at, zone: f"{at.astimezone(zone):%Y-%m}",
    "yearly": lambda at, zone: f"{at.astimezone(zone):%Y}",
}


def decide(
    snapshots: Sequence[Snapshot],
    keep: Keep | None,
    *,
    held: Mapping[str, Hold],
    zone: tzinfo,
    now: datetime,
    built_on: Collection[str] = (),
) -> tuple[Decision, ...]:
    """Say of every snapshot, newest first, why it stays; no reason means that it may go.

    Each rule counts on its own, and counts buckets (days, weeks …) that have a good snapshot, so a pause
    deletes nothing. The newest good one and the newest ok one always stay, so do held ones (`held`, by
    id), damaged ones and those from the future; none of the latter two, and no suspect one, fills a
    bucket. So do the last published one, the last published good one, and those that broken-off attempts
    are `built_on` (ids), which a wrong clock may have given any time. A seeding one stays until there is a good
    one, and where that did not replace it for as long as a suspect one. A `keep` without any number keeps
    everything.
    """
    newest_first = sorted(snapshots, key=_age, reverse=True)
    past = [snapshot for snapshot in newest_first if not _is_ahead(snapshot, now)]
    good = [snapshot for snapshot in past if snapshot.is_good]
    reasons: defaultdict[str, list[str]] = defaultdict(list)
    for snapshot, reason in chain(
        _unruled(newest_first, keep),
        _always(good),
        _published_last(snapshots, good),
        ((snapshot, "a broken-off run builds on it") for snapshot in newest_first if snapshot.id in built_on),
        _held(newest_first, held, zone=zone, now=now),
        ((snapshot, "in the future") for snapshot in newest_first if _is_ahead(snapshot, now)),
        _ruled(good, keep, zone),
        ((snapshot, f"damaged: {snapshot.problem}") for snapshot in newest_first if snapshot.problem),
        _suspect([each for each in past if not each.is_seeding], good),
        _seeding(newest_first, good),
    ):
        reasons[snapshot.id].append(reason)
    return tuple(
        Decision(snapshot=each, reasons=tuple(reasons[each.id]), held=_is_held(each, held, now))
        for each in newest_first
    )


def brakes(decisions: Sequence[Decision], *, now: datetime, recorded_at: datetime | None = None) -> str | None:
    """Return why these decisions should not be carried out before a person has seen them, None when they may be.

    `recorded_at` is when the last thing was recorded besides the snapshots, such as the last run.
    """
    if not any(decision.goes for decision in decisions):
        return None
    last = max((decision.snapshot for decision in decisions), key=lambda each: (each.sequence, _age(each)))
    newest_at = max(last.taken_at, recorded_at) if recorded_at is not None else last.taken_at
    return _suspicion(decisions) or _damage(decisions) or _wrong_clock(newest_at, now) or _too_many(decisions)


def _age(snapshot: Snapshot) -> tuple[datetime, int]:
    when = read_id(snapshot.id)
    assert when is not None
    return when


def _is_ahead(snapshot: Snapshot, now: datetime) -> bool:
    return snapshot.taken_at > now + FUTURE


def _is_held(snapshot: Snapshot, held: Mapping[str, Hold], now: datetime) -> bool:
    return snapshot.id in held and held[snapshot.id].lasts(now)


def _rules(keep: Keep | None) -> dict[str, int]:
    return {name: count for name, count in keep or () if count}


def _unruled(newest_first: Sequence[Snapshot], keep: Keep | None) -> Iterator[tuple[Snapshot, str]]:
    if not _rules(keep):
        yield from ((snapshot, "no number in keep: everything stays") for snapshot in newest_first)


def _always(good: Sequence[Snapshot]) -> Iterator[tuple[Snapshot, str]]:
    yield from ((snapshot, "newest good") for snapshot in good[:1])
    newest_ok = next((snapshot for snapshot in good if snapshot.status is Status.OK), None)
    if newest_ok is not None and newest_ok is not good[0]:
        yield newest_ok, "newest ok"


def _published_last(snapshots: Sequence[Snapshot], good: Sequence[Snapshot]) -> Iterator[tuple[Snapshot, str]]:
    """Keep what `latest` names and what the next run builds on, also where the newest time is another one's."""
    published = sorted((each for each in snapshots if each.is_whole), key=lambda each: (each.sequence, _age(each)))
    latest = next((snapshot for snapshot in reversed(published) if snapshot.is_good), None)
    if latest is not None and latest not in good[:1]:
        yield latest, "latest"
    if published and published[-1] not in (latest, *good[:1]):
        yield published[-1], "the next run builds on it"


def _held(
    newest_first: Sequence[Snapshot], held: Mapping[str, Hold], *, zone: tzinfo, now: datetime
) -> Iterator[tuple[Snapshot, str]]:
    for snapshot in newest_first:
        if _is_held(snapshot, held, now):
            hold = held[snapshot.id]
            until = f" until {hold.until.astimezone(zone):%Y-%m-%d}" if hold.until is not None else ""
            yield snapshot, f"held{until}" + (f": {shown(hold.note)}" if hold.note else "")


def _ruled(good: Sequence[Snapshot], keep: Keep | None, zone: tzinfo) -> Iterator[tuple[Snapshot, str]]:
    for rule, count in _rules(keep).items():
        if rule == "last":
            picked = [(snapshot, "") for snapshot in good]
        else:
            picked = [(snapshot, f": {label}") for label, snapshot in _filled(rule, good, zone).items()]
        for number, (snapshot, label) in enumerate(picked[:count], start=1):
            yield snapshot, f"{rule} {number} of {count}{label}"


def _filled(rule: str, good: Sequence[Snapshot], zone: tzinfo) -> dict[str, Snapshot]:
    """Return the one that stands for each bucket, newest bucket first: its newest ok one, else its newest."""
    chosen: dict[str, Snapshot] = {}
    for snapshot in good:
        label = _BUCKETS[rule](snapshot.taken_at.astimezone(UTC), zone)
        before = chosen.setdefault(label, snapshot)
        if before.status is not Status.OK and snapshot.status is Status.OK:
            chosen[label] = snapshot
    return chosen


def _suspect(past: Sequence[Snapshot], good: Sequence[Snapshot]) -> Iterator[tuple[Snapshot, str]]:
    """Keep the newest that is not good to be looked at, and all that are not long older than the newest good one."""
    suspects = [snapshot for snapshot in past if not snapshot.is_good and not snapshot.problem]
    for number, snapshot in enumerate(suspects):
        if number == 0:
            yield snapshot, f"{snapshot.status}: the newest one"
        elif not good or snapshot.taken_at >= good[0].taken_at - SUSPECT_STAYS:
            yield snapshot, f"{snapshot.status}: not {SUSPECT_STAYS.days} days older than the newest good one"


def _seeding(newest_first: Sequence[Snapshot], good: Sequence[Snapshot]) -> Iterator[tuple[Snapshot, str]]:
    """Keep what has arrived of a first backup until there is one, and what that one did not replace for a while."""
    for snapshot in newest_first:
        if snapshot.is_seeding and not good:
            yield snapshot, "seeding: there is no whole backup yet"
        elif snapshot.is_seeding and snapshot.taken_at >= good[0].taken_at - SUSPECT_STAYS:
            yield snapshot, f"seeding: not {SUSPECT_STAYS.days} days older than the newest good one"


def _suspicion(decisions: Sequence[Decision]) -> str | None:
    waiting = next((decision.snapshot for decision in decisions if decision.snapshot.awaits_ack), None)
    if waiting is None:
        return None
    return f"snapshot {waiting.id} is suspect; if what changed in it is right: backupjump ack {waiting.job}"


def _damage(decisions: Sequence[Decision]) -> str | None:
    # What no older snapshot can heal, such as a lost meta.json, is no reason to stop: it would be one for ever.
    damaged = [each.snapshot for each in decisions if each.snapshot.awaits_heal and not each.snapshot.problem]
    if not damaged:
        return None
    return (
        f"a verify found damage in {len(damaged)} of {len(decisions)} snapshots, {damaged[0].id} among them, "
        f"and an older one may be needed to heal it: backupjump verify {damaged[0].job} --all --heal"
    )


def _wrong_clock(newest_at: datetime, now: datetime) -> str | None:
    if now < newest_at:
        return f"the clock says {rfc3339(now)}, which is before the newest record, {rfc3339(newest_at)}"
    if now > newest_at + LONGEST_PAUSE:
        return f"the clock says {rfc3339(now)}, {(now - newest_at).days} days after the newest record: is it right?"
    return None


def _too_many(decisions: Sequence[Decision]) -> str | None:
    good = [decision for decision in decisions if decision.snapshot.is_good]
    going = sum(decision.goes for decision in good)
    if going <= max(AT_ONCE, SHARE_AT_ONCE * len(good)):
        return None
    return f"{going} of {len(good)} good snapshots would go at once"
