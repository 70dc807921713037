"""Which jobs are due now, by their own snapshots and by how their last tries ended."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from backupjump.errors import NotDue, StoreError
from backupjump.run import Status, rfc3339
from backupjump.store.owed import read_owed
from backupjump.store.snapshots import last_taken_at, list_snapshots
from backupjump.timing.cadence import again_after, next_due

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from backupjump.config.models import Job
    from backupjump.operations.site import Site
    from backupjump.run import Run

# How many of the last runs are asked how long a job has been failing: with a try an hour at most, two days' worth.
_RUNS = 50


def due_at(site: Site, job: Job, *, now: datetime) -> datetime | None:
    """Return from when on `job` is to be tried, which may be past; None without a schedule, or of a revoked Desktop.

    One that fails is put off further each time (cadence.again_after); an absent Desktop puts nothing off. One that
    still owes its Desktop hooks is due now: what was stopped there must not wait for the schedule.
    Raises StoreError when the store or the job's folder can't be read.
    """
    if site.desktop_of(job).revoked:
        return None
    marker = site.marker()
    folder = site.folder_of(job)
    last_at = last_taken_at(list_snapshots(folder))
    due = next_due(job.schedule, last_at=last_at, zone=ZoneInfo(marker.timezone), now=now)
    if due is None:
        return None
    if read_owed(folder) is not None:
        due = min(due, now.astimezone(due.tzinfo))
    with site.history(marker.uuid) as history:
        failures = failing_since(history.since(job.name, limit=_RUNS))
    return max(due, again_after(*failures)) if failures is not None else due


def failing_since(runs: Sequence[Run]) -> tuple[datetime, datetime] | None:
    """Return when the first and the last of the failures at the end of `runs`, oldest first, ended; None for none.

    A run that found the job locked tried nothing, and is passed over.
    """
    ends = []
    for run in reversed(runs):
        if run.status is Status.FAILED:
            ends.append(run.ended_at)
        elif run.status is not Status.LOCKED:
            break
    return (ends[-1], ends[0]) if ends else None


def check_due(site: Site, job: Job, *, now: datetime) -> None:
    """Raise NotDue, which says from when on, unless `job` is to be tried now; StoreError as `due_at`."""
    due = due_at(site, job, now=now)
    if due is None and site.desktop_of(job).revoked:
        raise NotDue(f"desktop {job.desktop} is revoked, so {job.name} is never due")
    if due is None:
        raise NotDue(f"{job.name} has no schedule, so it is never due", hint="give its file a line such as: every: day")
    if due > now:
        raise NotDue(f"{job.name} is due at {rfc3339(due)}")


def another_due(site: Site, job: Job, *, now: datetime) -> bool:
    """Whether a job of the same Desktop other than `job` is due; one whose snapshots can't be read counts as not."""
    others = (each for each in site.server.jobs.values() if each.desktop == job.desktop and each.name != job.name)
    return any(_is_due(site, each, now=now) for each in others)


def _is_due(site: Site, job: Job, *, now: datetime) -> bool:
    try:
        due = due_at(site, job, now=now)
    except StoreError:
        return False
    return due is not None and due <= now
