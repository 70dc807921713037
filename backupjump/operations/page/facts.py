"""All that the report page is made of, read once: from the store, the history and the disk; no Desktop is asked."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from shutil import disk_usage
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from backupjump.errors import StoreError
from backupjump.operations.listing import job_states
from backupjump.operations.page.calendar import first_moment
from backupjump.operations.page.forecast import LONGEST_LOOK
from backupjump.operations.prune import decisions_of
from backupjump.run import utc_now
from backupjump.store.failures import told_as_store_error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backupjump.history import FreeSpace, History, Outcome
    from backupjump.operations.job_state import JobState
    from backupjump.operations.site import Site
    from backupjump.run import Run
    from backupjump.store.retention import Decision

# Of one job: whole runs for the charts and what they said, ends of runs for the calendar. A job that is tried each hour
# ends 24 times a day, and a page is read by a person.
_WHOLE_RUNS = 400
_ENDS_OF_RUNS = 30_000


@dataclass(frozen=True, kw_only=True)
class JobFacts:
    """What is known of one job.

    `outcomes` are the ends of its runs in the weeks of the calendar, `runs` its last ones in which the Desktop may
    have been reached, both oldest first; `decisions` its snapshots, newest first, each with why it stays.
    `problem` says why these can't be told, else it is empty.
    """

    state: JobState
    desktop: str
    outcomes: Sequence[Outcome]
    runs: Sequence[Run]
    decisions: Sequence[Decision]
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known of all jobs and of the store's disk `at` a time; `free_space` is oldest first."""

    at: datetime
    zone: ZoneInfo
    weeks: int
    store: str
    jobs: Sequence[JobFacts]
    free_bytes: int
    total_bytes: int
    free_space: Sequence[FreeSpace]


def read_facts(site: Site, *, weeks: int) -> Facts:
    """Read what a page about the last `weeks` tells. Raises NoStore when the store's disk is not there."""
    marker = site.marker()
    zone, now = ZoneInfo(marker.timezone), utc_now()
    states = job_states(site)
    with told_as_store_error(f"{site.server.store.path} can't be asked for its room"):
        disk = disk_usage(site.server.store.path)
    with site.history(marker.uuid) as history:
        since = first_moment(now.astimezone(zone).date(), weeks, zone)
        return Facts(
            at=now,
            zone=zone,
            weeks=weeks,
            store=os.fspath(site.server.store.path),
            jobs=tuple(_facts_of(site, history, state, since=since, now=now) for state in states),
            free_bytes=disk.free,
            total_bytes=disk.total,
            free_space=history.free_space(since=now - LONGEST_LOOK - timedelta(days=1)),
        )


def _facts_of(site: Site, history: History, state: JobState, *, since: datetime, now: datetime) -> JobFacts:
    job = site.job(state.job)
    facts = JobFacts(
        state=state,
        desktop=job.desktop,
        outcomes=history.outcomes(job.name, since=since.astimezone(UTC), limit=_ENDS_OF_RUNS),
        runs=tuple(reversed(history.reached(job.name, limit=_WHOLE_RUNS))),
        decisions=(),
    )
    try:
        return replace(facts, decisions=decisions_of(site, job, now=now))
    except StoreError as error:
        return replace(facts, problem=str(error))
