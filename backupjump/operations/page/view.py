"""The page as values: everything that the template shows, decided and worded before it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from backupjump.escape import defused
from backupjump.operations.job_state import State
from backupjump.operations.page.calendar import MEANING, Kind, calendar
from backupjump.operations.page.chart import chart
from backupjump.operations.page.forecast import forecast
from backupjump.operations.page.headline import headline, pieces
from backupjump.operations.page.words import ago, count, moment, soon, took
from backupjump.operations.report import size
from backupjump.run import Status, rfc3339

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from backupjump.operations.page.calendar import Calendar
    from backupjump.operations.page.chart import Chart
    from backupjump.operations.page.facts import Facts, JobFacts
    from backupjump.operations.page.forecast import Forecast
    from backupjump.operations.page.headline import Headline, Piece
    from backupjump.run import Run
    from backupjump.store.retention import Decision

# What a page shows of long lists; the rest is counted, with the command that shows it.
_SNAPSHOTS = 60
_TELLING_RUNS = 5
_LINES_OF_A_RUN = 10
# Of one text in which another machine had a hand.
_LONGEST_TEXT = 600


@dataclass(frozen=True, kw_only=True)
class When:
    """A time for people, and for machines in `iso`."""

    iso: str
    text: str
    ago: str


@dataclass(frozen=True, kw_only=True)
class SnapshotRow:
    """One snapshot. `why` has the reasons for which it stays; `tone` is how its status looks."""

    id: str
    taken: When
    status: str
    tone: str
    files: str
    size: str
    new: str
    why: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class RunNotes:
    """What one run had to say. `more` lines are not shown."""

    at: When
    status: str
    tone: str
    lines: tuple[str, ...]
    hint: tuple[Piece, ...]
    more: int


@dataclass(frozen=True, kw_only=True)
class JobView:
    """One job."""

    name: str
    desktop: str
    state: str
    needs_person: bool
    trouble: str
    help: tuple[Piece, ...]
    last_good: When | None
    next_due: str
    last_contact: str
    expected: str
    size: str
    calendar: Calendar
    charts: tuple[Chart, ...]
    snapshots: tuple[SnapshotRow, ...]
    snapshots_in_words: str
    more_snapshots: int
    problem: str
    notes: tuple[RunNotes, ...]


@dataclass(frozen=True, kw_only=True)
class StoreView:
    """The store's disk; `used` of 100."""

    path: str
    used: int
    words: str
    forecast: Forecast


@dataclass(frozen=True, kw_only=True)
class PageView:
    """All of the page. `legend` has the kinds of days and what each means."""

    headline: Headline
    made: When
    zone: str
    weeks: int
    jobs: tuple[JobView, ...]
    legend: tuple[tuple[str, str], ...]
    store: StoreView

    @property
    def needing(self) -> tuple[JobView, ...]:
        """The jobs that need a person."""
        return tuple(job for job in self.jobs if job.needs_person)


def page_of(facts: Facts) -> PageView:
    """Return the page that tells of `facts`; jobs that need a person come first, else by name."""
    disk = forecast(facts.free_space, free_bytes=facts.free_bytes, now=facts.at)
    jobs = sorted(facts.jobs, key=lambda job: (not job.state.state.needs_person, job.state.job))
    return PageView(
        headline=headline([job.state for job in facts.jobs], disk, now=facts.at),
        made=_when(facts.at, facts),
        zone=facts.zone.key,
        weeks=facts.weeks,
        jobs=tuple(_job_view(job, facts) for job in jobs),
        legend=tuple((kind.value, meaning) for kind, meaning in MEANING.items()),
        store=StoreView(
            path=facts.store,
            # Rounded up: 100 % is for a disk that has room, and 0 % for one that has nothing on it.
            used=-(-100 * (facts.total_bytes - facts.free_bytes) // facts.total_bytes) if facts.total_bytes else 100,
            words=f"{size(facts.free_bytes)} of {size(facts.total_bytes)} are free",
            forecast=disk,
        ),
    )


def _job_view(job: JobFacts, facts: Facts) -> JobView:
    state, zone, now = job.state, facts.zone, facts.at
    shown = job.decisions[:_SNAPSHOTS]
    due = state.next_due_at
    return JobView(
        name=state.job,
        desktop=job.desktop,
        state=state.state.value,
        needs_person=state.state.needs_person,
        trouble=_trouble(job, now=now),
        help=pieces(state.help),
        last_good=_when(state.last_good_at, facts) if state.last_good_at is not None else None,
        next_due="no schedule" if due is None else "now" if due <= now else soon(due, zone),
        last_contact=f"{moment(state.last_contact_at, zone)} ({ago(state.last_contact_at, now)})"
        if state.last_contact_at is not None
        else "",
        expected=soon(state.next_expected_at, zone) if state.next_expected_at is not None else "",
        size=size(state.size_bytes) if state.size_bytes is not None else "",
        calendar=calendar(job.outcomes, today=now.astimezone(zone).date(), weeks=facts.weeks, zone=zone),
        charts=_charts([run for run in job.runs if run.status.published], zone),
        snapshots=tuple(_snapshot_row(decision, facts) for decision in shown),
        snapshots_in_words=_in_words(job.decisions, now=now),
        more_snapshots=len(job.decisions) - len(shown),
        problem=job.problem,
        notes=tuple(
            _notes_of(run, facts) for run in [run for run in reversed(job.runs) if _tells(run)][:_TELLING_RUNS]
        ),
    )


def _trouble(job: JobFacts, *, now: datetime) -> str:
    """Return what is wrong with a job that needs a person, in one line; empty where its help says it all."""
    state = job.state
    if state.state is State.LATE:
        return (
            f"Its last good backup was made {ago(state.last_good_at, now)}."
            if state.last_good_at is not None
            else "It has no good backup yet."
        )
    told_by = {State.BROKEN: Status.FAILED, State.SUSPECT: Status.SUSPECT}.get(state.state)
    run = next((run for run in reversed(job.runs) if run.status is told_by), None)
    if run is None or run.error is None or (state.state is State.BROKEN and run is not job.runs[-1]):
        return ""
    return defused(run.error.message.partition("\n")[0], limit=_LONGEST_TEXT)


def _charts(runs: Sequence[Run], zone: ZoneInfo) -> tuple[Chart, ...]:
    def seconds(run: Run) -> float:
        return max(0.0, (run.ended_at - run.started_at).total_seconds())

    def in_bytes(value: float) -> str:
        return size(round(value))

    ends = [run.ended_at for run in runs]
    drawn = (
        chart(
            "Size of the backup",
            [(at, run.bytes_total) for at, run in zip(ends, runs, strict=True)],
            bars=False,
            unit=in_bytes,
            zone=zone,
        ),
        chart(
            "New in each run",
            [(at, run.bytes_new) for at, run in zip(ends, runs, strict=True)],
            bars=True,
            unit=in_bytes,
            zone=zone,
        ),
        chart(
            "Time each run took",
            [(at, seconds(run)) for at, run in zip(ends, runs, strict=True)],
            bars=True,
            unit=took,
            zone=zone,
        ),
    )
    return tuple(each for each in drawn if each is not None)


def _in_words(decisions: Sequence[Decision], *, now: datetime) -> str:
    if not decisions:
        return "no snapshot yet"
    return f"{count(len(decisions), 'snapshot')}, the oldest made {ago(decisions[-1].snapshot.taken_at, now)}"


def _snapshot_row(decision: Decision, facts: Facts) -> SnapshotRow:
    snapshot = decision.snapshot
    whole = not snapshot.problem
    return SnapshotRow(
        id=snapshot.id,
        taken=_when(snapshot.taken_at, facts),
        status=snapshot.status.value if whole else "damaged",
        tone=snapshot.status.value if whole else Kind.FAILED.value,
        files=f"{snapshot.files_total:,}" if whole else "?",
        size=size(snapshot.bytes_total) if whole else "?",
        new=size(snapshot.bytes_new) if whole else "?",
        why=decision.reasons or ("nothing keeps it: the next prune takes it",),
    )


def _tells(run: Run) -> bool:
    troubled = (Status.WARNING, Status.SUSPECT, Status.FAILED, Status.INTERRUPTED)
    return bool(run.warnings) or run.status in troubled


def _notes_of(run: Run, facts: Facts) -> RunNotes:
    said = run.error.message.splitlines() if run.error is not None else []
    lines = [*said, *run.warnings]
    return RunNotes(
        at=_when(run.ended_at, facts),
        status=run.status.value,
        tone=run.status.value,
        lines=tuple(defused(line, limit=_LONGEST_TEXT) for line in lines[:_LINES_OF_A_RUN]),
        hint=pieces(defused(run.error.hint, limit=_LONGEST_TEXT)) if run.error is not None else (),
        more=max(0, len(lines) - _LINES_OF_A_RUN),
    )


def _when(at: datetime, facts: Facts) -> When:
    return When(iso=rfc3339(at), text=moment(at, facts.zone), ago=ago(at, facts.at))
