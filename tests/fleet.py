"""Laptops that sleep, roam and lose their link, and the Server that backs them up: real rules in simulated time.

Real are decide() of the agent, its pauses and its word to the owner, what serve starts, when a job is due, and how it
is said to stand. Simulated, from a seed, are the laptops' days, their links, how long a run takes, and how one ends. A
step is a minute.
"""

from __future__ import annotations

import random
import statistics
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from backupjump.config.desktop import Tunnel, Unless
from backupjump.config.models import Job
from backupjump.operations.agent import notice
from backupjump.operations.agent.decide import LastDone, Served, Situation, decide
from backupjump.operations.job_state import State, job_state
from backupjump.operations.serve.choose import Running, Waiting, to_start
from backupjump.run import Run, Status, exit_code_of
from backupjump.store.snapshots import Snapshot
from backupjump.timing.backoff import pause_seconds
from backupjump.timing.cadence import again_after, next_due
from backupjump.timing.moments import moment

ZONE = ZoneInfo("Europe/Berlin")
STEP = timedelta(minutes=1)
MOST_AT_ONCE = 4
# A laptop that had less than this since its backup was due can't have one, and to tell of it is no false alarm.
CHANCE = timedelta(hours=1)
_NEVER = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass
class Stay:
    """A time in which a laptop is awake and has a network; `metered` and `percent` (on battery) as its owner has it."""

    begin: datetime
    end: datetime
    metered: bool
    percent: int | None


@dataclass
class Laptop:
    """One laptop, what its agent knows, and what the Server has of it."""

    name: str
    job: Job
    tunnel: Tunnel
    chance: random.Random
    stays: list[Stay]
    stands: bool = False
    failures: int = 0
    again_at: datetime = _NEVER
    served: Served | None = None
    published_at: datetime | None = None
    done: LastDone | None = None
    work_left: float = 0.0
    run_began: datetime | None = None
    snapshots: list[Snapshot] = field(default_factory=list)
    last_run: Run | None = None
    failed_at: tuple[datetime, datetime] | None = None
    due_at: datetime | None = None
    watch: notice.Watch = field(default_factory=lambda: notice.Watch(_NEVER))
    awake_seconds: float = 0.0

    def stay_at(self, now: datetime) -> Stay | None:
        """Return the stay at `now`, which never goes back."""
        while self.stays and self.stays[0].end <= now:
            self.stays.pop(0)
        return self.stays[0] if self.stays and self.stays[0].begin <= now else None


@dataclass
class Outcome:
    """What the days came to."""

    laptop_days: int = 0
    covered: int = 0
    ages_hours: list[float] = field(default_factory=list)
    late_hours: int = 0
    false_alarms: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    runs: dict[str, int] = field(default_factory=dict)

    def table(self) -> str:
        """Return the figures as lines."""
        share = 100 * self.covered / max(1, self.laptop_days)
        return "\n".join(
            [
                f"laptop-days with an hour online    {self.laptop_days}",
                f"of them ended with a good snapshot {self.covered} ({share:.2f} %)",
                f"median age of the last good one    {statistics.median(self.ages_hours):.1f} h",
                f"runs                               {self.runs}",
                f"hours late, the laptop being away  {self.late_hours}",
                f"false alarms                       {len(self.false_alarms)}",
            ]
        )


def simulate(*, laptops: int, days: int, seed: int, begin: date = date(2026, 10, 1)) -> Outcome:
    """Let `laptops` live for `days` days from `begin` on, which has the end of summer time in it."""
    chance = random.Random(seed)
    start = moment(begin, time(0), ZONE)
    fleet = [_laptop(number, random.Random(chance.random()), start, days) for number in range(laptops)]
    online = {each.name: [(stay.begin, stay.end) for stay in each.stays if _is_allowed(stay)] for each in fleet}
    now, end, outcome = start, moment(begin + timedelta(days=days), time(0), ZONE), Outcome()
    for each in fleet:
        _find_due(each, now)
    while now < end:
        for each in fleet:
            _live(each, now, outcome)
        _serve(fleet, now)
        now += STEP
        if now.minute == 0:
            for each in fleet:
                _judge(each, online[each.name], now, outcome)
    return outcome


def _laptop(number: int, chance: random.Random, start: datetime, days: int) -> Laptop:
    keys: dict[str, Any] = {"schedule": {"every": "day", "at": "02:30"}}
    job = Job.model_validate({"name": f"l{number:02}", "desktop": f"l{number:02}", "sources": ["/home/me"], **keys})
    unless = Unless(battery_below=0.3, metered=True)
    tunnel = Tunnel(jump_nodes=(), port=2020 + number, unless=unless)
    stays = [stay for day in range(days) for stay in _day(start.astimezone(ZONE).date() + timedelta(day), chance)]
    stays = _without_holiday(stays, start, days, chance)
    return Laptop(name=job.name, job=job, tunnel=tunnel, chance=chance, stays=stays)


def _day(day: date, chance: random.Random) -> list[Stay]:
    """Return a day's stays: by day at work, at the weekend for a while; meetings, naps and trains in between."""
    weekend = day.weekday() >= 5
    if chance.random() < (0.45 if weekend else 0.06):
        return []
    opens = moment(day, time(8 if not weekend else 11), ZONE) + timedelta(minutes=chance.gauss(30, 50))
    closes = opens + timedelta(hours=max(0.5, chance.gauss(2.5 if weekend else 8.5, 1.5)))
    midnight = moment(day + timedelta(days=1), time(0), ZONE)
    found = []
    at = opens
    while at < min(closes, midnight):
        length = timedelta(minutes=chance.expovariate(1 / 110) + 3)
        on_battery = chance.random() < 0.3
        percent = chance.randint(10, 100) if on_battery else None
        stay = Stay(at, min(at + length, closes, midnight), chance.random() < 0.05, percent)
        found.append(stay)
        at = stay.end + timedelta(minutes=chance.expovariate(1 / 20) + 0.5)
    return found


def _without_holiday(stays: list[Stay], start: datetime, days: int, chance: random.Random) -> list[Stay]:
    if chance.random() < 0.5 or days < 20:
        return stays
    first = start + timedelta(days=chance.randint(8, days - 12))
    length = timedelta(days=chance.randint(5, 12))
    return [stay for stay in stays if not first <= stay.begin < first + length]


def _is_allowed(stay: Stay) -> bool:
    """Whether the owner lets a backup be made then; else it is put off, which is no fault of the rules."""
    return not stay.metered and (stay.percent is None or stay.percent >= 30)


def _live(laptop: Laptop, now: datetime, outcome: Outcome) -> None:
    """Let the agent look once, and a run go on."""
    stay = laptop.stay_at(now)
    if stay is None:
        laptop.stands = False
        laptop.failures, laptop.again_at = 0, now  # at its wake, or with a new network, it tries at once
    else:
        _look(laptop, stay, now, outcome)
    if laptop.run_began is not None:
        _go_on(laptop, now, outcome)


def _look(laptop: Laptop, stay: Stay, now: datetime, outcome: Outcome) -> None:
    situation = Situation(
        now=now,
        zone=ZONE,
        last_published_at=laptop.published_at,
        last_done=laptop.done,
        served=laptop.served,
        on_battery=stay.percent is not None,
        percent=stay.percent,
        metered=stay.metered,
    )
    decision = decide(laptop.tunnel, situation)
    laptop.served = decision.serves or laptop.served
    laptop.awake_seconds += STEP.total_seconds()
    max_age, at = laptop.tunnel.max_age, laptop.awake_seconds
    if laptop.watch.is_due(laptop.published_at, max_age=max_age, wanted=decision.open, at=at, now=now):
        outcome.false_alarms.append(f"{laptop.name} {now:%m-%d %H}: its owner is told")
    if not decision.open:
        laptop.stands, laptop.failures = False, 0
    elif not laptop.stands and now >= laptop.again_at:
        laptop.stands = laptop.chance.random() < 0.9
        if not laptop.stands:
            laptop.failures += 1
            seconds = pause_seconds(laptop.failures, refused=False, chance=laptop.chance.random())
            laptop.again_at = now + timedelta(seconds=seconds)
    elif laptop.stands and laptop.chance.random() < 1 / 240:
        laptop.stands = False  # the link broke


def _serve(fleet: list[Laptop], now: datetime) -> None:
    """Start what serve would start now."""
    by_name = {each.name: each for each in fleet}
    waiting = [
        Waiting(job=name, desktop=name, due_at=each.due_at)
        for name, each in by_name.items()
        if each.due_at is not None and each.run_began is None
    ]
    running = [Running(job=name, desktop=name, jump_node="jump") for name, each in by_name.items() if each.run_began]
    reached = {each.name: "jump" for each in fleet if each.stands}
    for chosen in to_start(waiting, running, reached=reached, max_parallel=MOST_AT_ONCE, now=now):
        laptop = by_name[chosen.job]
        laptop.run_began = now
        # What had arrived before the link broke serves this run.
        laptop.work_left = laptop.work_left or max(1.0, laptop.chance.lognormvariate(1.8, 0.9))


def _go_on(laptop: Laptop, now: datetime, outcome: Outcome) -> None:
    """Let a minute of the run pass."""
    laptop.work_left -= 1
    if not laptop.stands:
        _end(laptop, Status.INTERRUPTED, now, outcome)
    elif laptop.work_left <= 0:
        laptop.work_left = 0.0
        _end(laptop, Status.FAILED if laptop.chance.random() < 0.02 else Status.OK, now, outcome)


def _end(laptop: Laptop, status: Status, now: datetime, outcome: Outcome) -> None:
    began, laptop.run_began = laptop.run_began or now, None
    outcome.runs[status.value] = outcome.runs.get(status.value, 0) + 1
    laptop.last_run = Run(
        run_id="r",
        job=laptop.name,
        desktop=laptop.name,
        route="proxyjump",
        status=status,
        exit_code=exit_code_of(status),
        snapshot=None,
        started_at=began,
        ended_at=now,
        attempts=1,
        error=None,
    )
    laptop.work_left = max(1.0, laptop.work_left) if status is Status.INTERRUPTED else 0.0
    if status is Status.FAILED:
        laptop.failed_at = (laptop.failed_at[0] if laptop.failed_at else now, now)
    elif status is Status.OK:
        laptop.failed_at = None
        name, path = laptop.name, Path(laptop.name)
        laptop.snapshots = [Snapshot(id="s", path=path, desktop=name, job=name, status=status, taken_at=began)]
        laptop.published_at = now
    if status is not Status.INTERRUPTED:  # the gate can be told
        laptop.done = LastDone(now, status.published, more=False)
    _find_due(laptop, now)


def _find_due(laptop: Laptop, now: datetime) -> None:
    last_at = laptop.snapshots[-1].taken_at if laptop.snapshots else None
    due = next_due(laptop.job.schedule, last_at=last_at, zone=ZONE, now=now)
    if due is not None and laptop.failed_at is not None:
        due = max(due, again_after(*laptop.failed_at))
    if due is not None and laptop.last_run is not None and laptop.last_run.status is not Status.OK:
        due = max(due, now + STEP)
    laptop.due_at = due


def _judge(laptop: Laptop, online: list[tuple[datetime, datetime]], now: datetime, outcome: Outcome) -> None:
    """Note each hour how old the backup is, and what would be told of it; at midnight, whether the day has one."""
    state = job_state(laptop.job, laptop.snapshots, laptop.last_run, zone=ZONE, now=now).state
    last_at = laptop.snapshots[-1].taken_at if laptop.snapshots else None
    if last_at is not None:
        outcome.ages_hours.append((now - last_at) / timedelta(hours=1))
        due = next_due(laptop.job.schedule, last_at=last_at, zone=ZONE, now=now) or now
        if state is State.LATE and _online(online, due, now) < CHANCE:
            outcome.late_hours += 1
        elif state in (State.LATE, State.SUSPECT):
            outcome.false_alarms.append(f"{laptop.name} {now:%m-%d %H}: {state}")
    here = now.astimezone(ZONE)
    if here.hour == 0:
        began = moment(here.date() - timedelta(days=1), time(0), ZONE)
        if _online(online, began, now) >= CHANCE:
            outcome.laptop_days += 1
            if last_at is not None and last_at >= began:
                outcome.covered += 1
            else:
                outcome.missed.append(f"{laptop.name} {began.astimezone(ZONE):%m-%d}")


def _online(stays: list[tuple[datetime, datetime]], since: datetime, until: datetime) -> timedelta:
    return sum((max(timedelta(0), min(end, until) - max(begin, since)) for begin, end in stays), timedelta(0))
