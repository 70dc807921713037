"""What is known of a job's Desktop that is not here: when it came before, what it said, when it will come again."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from backupjump.escape import shown
from backupjump.operations.job_state import Seen
from backupjump.operations.openings import late_opening
from backupjump.operations.remembered import recall
from backupjump.run import Status
from backupjump.store.snapshots import last_taken_at
from backupjump.timing.cadence import next_due
from backupjump.timing.habit import next_expected

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from backupjump.config.models import Job
    from backupjump.history import History
    from backupjump.operations.remembered import Remembered
    from backupjump.operations.site import Site
    from backupjump.run import Run
    from backupjump.store.snapshots import Snapshot

# Of the weeks that are looked back at, four a day.
_RUNS = 120


def contacts_by_desktop(site: Site, history: History) -> Mapping[str, Sequence[datetime]]:
    """Return when each Desktop of the config was reached, by the last runs of all its jobs; in no order."""
    found: dict[str, list[datetime]] = {}
    for name, job in site.server.jobs.items():
        found.setdefault(job.desktop, []).extend(contacts(history.reached(name, limit=_RUNS)))
    return found


def contacts(runs: Iterable[Run]) -> Sequence[datetime]:
    """Return when a Desktop was reached, as `runs` tell: data moved, or it said something."""
    return [run.started_at for run in runs if run.attempts > 0 or run.status is Status.DEFERRED]


def seen_of(
    site: Site, job: Job, snapshots: Sequence[Snapshot], came: Sequence[datetime], *, zone: ZoneInfo, now: datetime
) -> Seen:
    """Return what is known of the Desktop of `job`, which has these snapshots; it `came` at these times."""
    told = recall(site.state, job.desktop)
    taken_at = last_taken_at(snapshots)
    return Seen(
        last_contact_at=max(chain(came, [told.at] if told is not None else []), default=None),
        next_expected_at=next_expected(came, zone=zone, now=now),
        put_off=put_off(told, taken_at),
        trouble=trouble(job, told, taken_at, zone=zone, now=now),
    )


def put_off(told: Remembered | None, last_taken_at: datetime | None) -> str:
    """Return why the owner of a Desktop had put the backup off when it was last reached, and none has been made since.

    Empty if that is not so.
    """
    if told is None or told.tunnel is None or told.tunnel.deferred_at is None:
        return ""
    if last_taken_at is not None and last_taken_at >= told.tunnel.deferred_at:
        return ""
    return shown(told.tunnel.deferred_why, limit=100) or "no reason given"


def trouble(job: Job, told: Remembered | None, last_taken_at: datetime | None, *, zone: ZoneInfo, now: datetime) -> str:
    """Return what keeps `job` from meeting its Desktop's tunnel within 7 days of being due; empty if nothing does."""
    due_at = next_due(job.schedule, last_at=last_taken_at, zone=zone, now=now)
    if told is None or told.tunnel is None or due_at is None:
        return ""
    return late_opening(told.tunnel, due_at=due_at, last_published_at=last_taken_at, zone=zone)
