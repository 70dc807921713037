"""How each job stands, as far as somebody has to be told: from the same states that `status` shows."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from backupjump.config.telling import Happening
from backupjump.errors import StoreError
from backupjump.notify.happenings import Standing
from backupjump.operations.due import failing_since
from backupjump.operations.job_state import State
from backupjump.operations.listing import job_states
from backupjump.run import Status
from backupjump.timing.cadence import late_after

if TYPE_CHECKING:
    from datetime import datetime

    from backupjump.config.models import Job
    from backupjump.history import History
    from backupjump.operations.job_state import JobState
    from backupjump.operations.site import Site
    from backupjump.run import Run

_TROUBLES = {State.BROKEN: Happening.FAILED, State.LATE: Happening.STALE, State.SUSPECT: Happening.SUSPECT}
_RUNS = 50


def watched_jobs(site: Site) -> frozenset[str]:
    """Return the jobs that there can be news of: those of a revoked Desktop have none any more."""
    return frozenset(job.name for job in site.server.jobs.values() if not site.desktop_of(job).revoked)


def standings(site: Site, *, now: datetime) -> tuple[tuple[Standing, ...], ZoneInfo]:
    """Return how the watched jobs stand, and the zone to tell times in.

    Where the store can't be read only those have a standing whose last run failed: nothing tells of the others.
    """
    watched = watched_jobs(site)
    try:
        marker = site.marker()
        with site.history(marker.uuid) as history:
            found = tuple(_standing(site, each, history, now=now) for each in job_states(site) if each.job in watched)
        return found, ZoneInfo(marker.timezone)
    except StoreError:
        with site.history(site.server.store.uuid) as history:
            last = (history.latest(name) for name in sorted(watched))
            return tuple(_failed(run, history) for run in last if run and run.status is Status.FAILED), ZoneInfo("UTC")


def _standing(site: Site, state: JobState, history: History, *, now: datetime) -> Standing:
    job = site.job(state.job)
    trouble = _TROUBLES.get(state.state)
    run = history.latest(state.job) if trouble is not None else None
    reason, what = _what(trouble, run)
    return Standing(
        job=state.job,
        desktop=job.desktop,
        trouble=trouble,
        well=state.state is State.GOOD,
        reason=reason,
        what=what,
        help=state.help,
        since=_since(trouble, job, state, run, history, now=now),
        last_good_at=state.last_good_at,
    )


def _failed(run: Run, history: History) -> Standing:
    assert run.error is not None
    since = failing_since(history.since(run.job, limit=_RUNS))
    return Standing(
        job=run.job,
        desktop=run.desktop,
        trouble=Happening.FAILED,
        reason=run.error.code,
        what=run.error.message.partition("\n")[0],
        help=run.error.hint,
        since=since[0] if since is not None else run.ended_at,
    )


def _what(trouble: Happening | None, run: Run | None) -> tuple[str, str]:
    """Return the word and the telling of what is wrong."""
    if trouble is Happening.STALE:
        last = f"the last run ended as {run.status.value}" if run is not None else "no run yet"
        return "stale", f"no good backup for too long; {last}"
    if run is not None and run.error is not None and run.status in (Status.FAILED, Status.SUSPECT):
        return run.error.code, run.error.message.partition("\n")[0]
    if trouble is Happening.SUSPECT:
        return "suspect", "a snapshot waits for a person's word"
    return ("damage", "what the store holds is damaged") if trouble is not None else ("", "")


def _since(
    trouble: Happening | None, job: Job, state: JobState, run: Run | None, history: History, *, now: datetime
) -> datetime | None:
    if trouble is Happening.FAILED and (failing := failing_since(history.since(job.name, limit=_RUNS))) is not None:
        return failing[0]
    limit = late_after(job)
    if trouble is Happening.STALE and state.last_good_at is not None and limit is not None:
        return min(now, state.last_good_at + limit)
    return None if trouble is None else run.ended_at if run is not None else now
