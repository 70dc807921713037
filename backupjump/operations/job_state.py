"""How a job stands, and what to type next: pure, the time now is an argument."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from backupjump.run import Run, Status, rfc3339
from backupjump.store.snapshots import last_taken_at, newest_good
from backupjump.timing.cadence import age_of, late_after, next_due

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    from backupjump.config.models import Job
    from backupjump.store.first_backup import FirstBackup
    from backupjump.store.snapshots import Snapshot


class State(StrEnum):
    """How a job stands; the first that fits, in this order. The words are API."""

    SUSPECT = "suspect"
    BROKEN = "broken"
    LATE = "late"
    DEFERRED = "deferred"
    AWAY = "away"
    GOOD = "good"

    @property
    def needs_person(self) -> bool:
        """Whether someone has to do something about it."""
        return self in (State.SUSPECT, State.BROKEN, State.LATE)


@dataclass(frozen=True, kw_only=True)
class JobState:
    """One job's state. `help` says what to type next, empty when there is nothing to do."""

    job: str
    state: State
    last_good_at: datetime | None
    next_due_at: datetime | None
    last_status: Status | None
    help: str
    size_bytes: int | None = None
    first_backup: FirstBackup | None = None
    last_contact_at: datetime | None = None
    next_expected_at: datetime | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the state as JSON values; the keys are API."""
        return {
            "job": self.job,
            "state": self.state.value,
            "last_good_at": self.last_good_at and rfc3339(self.last_good_at),
            "next_due_at": self.next_due_at and rfc3339(self.next_due_at),
            "last_status": self.last_status and self.last_status.value,
            "help": self.help,
            "first_backup": _first_json(self.first_backup) if self.first_backup is not None else None,
            "last_contact_at": self.last_contact_at and rfc3339(self.last_contact_at),
            "next_expected_at": self.next_expected_at and rfc3339(self.next_expected_at),
        }


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What is known of a job's Desktop: when it was last reached, when it is expected; what it said then.

    `put_off`: why its owner had put the backup off, empty if he had not. `trouble` is what keeps the two from
    meeting, empty if nothing does. Both are safe to show.
    """

    last_contact_at: datetime | None = None
    next_expected_at: datetime | None = None
    put_off: str = ""
    trouble: str = ""


_NOT_SEEN = Seen()


def job_state(
    job: Job,
    snapshots: Sequence[Snapshot],
    last_run: Run | None,
    *,
    zone: ZoneInfo,
    now: datetime,
    first_backup: FirstBackup | None = None,
    seen: Seen = _NOT_SEEN,
    waits_since: datetime | None = None,
) -> JobState:
    """Return how `job` stands, from its snapshots (oldest first) and the last run that tried something.

    Damage that a verify found and nobody has tried to put right makes it broken, whatever the last run came to.
    A job with a schedule that never got a good snapshot is late once it `waits_since` longer than its limit, or
    nothing tells since when; before that it is away, for `good` would be a lie. `first_backup` is how far one is
    that has no snapshot but a seeding one, which counts for nothing here.
    """
    good = newest_good(snapshots)
    last_good_at = good.taken_at if good is not None else None
    suspects = [snapshot for snapshot in snapshots if snapshot.awaits_ack]
    age = age_of(last_good_at or waits_since, now=now)
    limit = late_after(job)
    damaged = any(snapshot.awaits_heal for snapshot in snapshots)
    late = limit is not None and age > limit
    state = _state(suspects, last_run, has_good=good is not None, damaged=damaged, late=late)
    if state is State.AWAY and seen.put_off:
        state = State.DEFERRED
    first = _first(good, first_backup)
    if state is State.AWAY:
        first = f"{_when(seen, zone)}{first}"
    what = _help(job.name, state, last_run, first=first, put_off=seen.put_off, damaged=damaged)
    return JobState(
        job=job.name,
        state=state,
        last_good_at=last_good_at,
        next_due_at=next_due(job.schedule, last_at=last_taken_at(snapshots), zone=zone, now=now),
        last_status=last_run.status if last_run is not None else None,
        help="; ".join(filter(None, (what, seen.trouble))),
        size_bytes=good.bytes_total if good is not None else None,
        first_backup=first_backup if all(each.is_seeding for each in snapshots) else None,
        last_contact_at=seen.last_contact_at,
        next_expected_at=seen.next_expected_at,
    )


def _state(suspects: Sequence[Snapshot], last_run: Run | None, *, has_good: bool, damaged: bool, late: bool) -> State:
    last = last_run.status if last_run is not None else None
    if suspects:
        return State.SUSPECT
    if damaged or last is Status.FAILED:
        return State.BROKEN
    if late:
        return State.LATE
    if last is Status.DEFERRED:
        return State.DEFERRED
    if not has_good or last in (Status.AWAY, Status.INTERRUPTED):
        return State.AWAY
    return State.GOOD


def _when(seen: Seen, zone: ZoneInfo) -> str:
    """Return since when an absent Desktop has not been seen, and when it is expected, as the beginning of a line."""
    told = (("last seen", seen.last_contact_at), ("expected", seen.next_expected_at))
    times = [f"{what} {at.astimezone(zone):%Y-%m-%d %H:%M}" for what, at in told if at is not None]
    return f"{', '.join(times)}; " if times else ""


def _first(good: Snapshot | None, first_backup: FirstBackup | None) -> str:
    if good is not None:
        return ""
    left = first_backup.nights_left if first_backup is not None else None
    if first_backup is None or left is None:
        return "no backup yet; "
    return f"first backup {first_backup.percent} %, {left} {'night' if left == 1 else 'nights'} left; "


def _first_json(first: FirstBackup) -> dict[str, Any]:
    return {
        "held_bytes": first.held_bytes,
        "total_bytes": first.total_bytes,
        "percent": first.percent,
        "nights_left": first.nights_left,
    }


def _help(job: str, state: State, last_run: Run | None, *, first: str, put_off: str, damaged: bool) -> str:
    match state:
        case State.SUSPECT:
            return f"see what changed, and say so if it is right: backupjump ack {job}"
        case State.BROKEN if damaged:
            return f"a verify found damage; see it, and put it right: backupjump verify {job} --all --heal"
        case State.BROKEN:
            hint = last_run.error.hint if last_run is not None and last_run.error is not None else ""
            return hint or f"see why: backupjump history {job}"
        case State.LATE:
            return f"{first}is the desktop on, its tunnel open? then: backupjump run {job}"
        case State.DEFERRED:
            return f"{first}put off on the desktop{f' ({put_off})' if put_off else ''}; nothing to do"
        case State.AWAY:
            return f"{first}when its tunnel is open: backupjump run {job}"
        case State.GOOD:
            return ""
