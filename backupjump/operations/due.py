"""Which jobs are due now, by their own last good snapshots."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backupjump.errors import StoreError
from backupjump.store.snapshots import list_snapshots, newest_good
from backupjump.timing.cadence import next_due

if TYPE_CHECKING:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from backupjump.config.models import Job
    from backupjump.operations.site import Site


def another_due(site: Site, job: Job, *, zone: ZoneInfo, now: datetime) -> bool:
    """Whether a job of the same Desktop other than `job` is due; one whose snapshots can't be read counts as not."""
    others = (each for each in site.server.jobs.values() if each.desktop == job.desktop and each.name != job.name)
    return any(_is_due(site, each, zone=zone, now=now) for each in others)


def _is_due(site: Site, job: Job, *, zone: ZoneInfo, now: datetime) -> bool:
    try:
        good = newest_good(list_snapshots(site.folder_of(job)))
    except StoreError:
        return False
    due_at = next_due(job.schedule, last_good_at=good.taken_at if good is not None else None, zone=zone, now=now)
    return due_at is not None and due_at <= now
