"""What there is, as values: snapshots, the runs of the past, how each job stands.

All of it is read from the store and the state folder; no Desktop, no key and no lock is needed.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from backupjump.errors import StoreError
from backupjump.history import set_aside
from backupjump.operations.enroll.expiry import expiry_warning
from backupjump.operations.job_state import State, job_state
from backupjump.operations.prune import decisions_of, store_zone
from backupjump.operations.seen import contacts_by_desktop, seen_of
from backupjump.run import rfc3339, utc_now
from backupjump.store.first_backup import read_first_backup
from backupjump.store.marks import read_marks
from backupjump.store.owed import read_owed
from backupjump.store.repair import unlisted_runs
from backupjump.store.snapshots import checked, list_snapshots

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from backupjump.config.models import Job
    from backupjump.operations.job_state import JobState
    from backupjump.operations.site import Site
    from backupjump.run import Run
    from backupjump.store.layout import JobFolder
    from backupjump.store.retention import Decision
    from backupjump.store.snapshots import Snapshot


def snapshots_of(site: Site, job_name: str) -> tuple[Snapshot, ...]:
    """Return all snapshots of a job, oldest first."""
    job = site.job(job_name)
    store_zone(site)
    return tuple(checked(each) for each in list_snapshots(site.folder_of(job)))


def decided_snapshots_of(site: Site, job_name: str) -> tuple[Decision, ...]:
    """Return all snapshots of a job, in the order of their publication, each with why a prune would keep it."""
    decisions = {each.snapshot.id: each for each in decisions_of(site, site.job(job_name), now=utc_now())}
    return tuple(_told(decisions[each.id], each) for each in snapshots_of(site, job_name) if each.id in decisions)


def _told(decision: Decision, snapshot: Snapshot) -> Decision:
    """Return a decision with all that is known of its snapshot: a prune looks only at manifests of what would go."""
    found = snapshot.problem and not decision.snapshot.problem
    reasons = (*decision.reasons, f"damaged: {snapshot.problem}") if found else decision.reasons
    return replace(decision, snapshot=snapshot, reasons=reasons)


def snapshot_json(decision: Decision) -> dict[str, Any]:
    """Return a snapshot as JSON values; the keys are API. No reason to keep it means that a prune deletes it."""
    snapshot = decision.snapshot
    return {
        "job": snapshot.job,
        "id": snapshot.id,
        "status": snapshot.word,
        "taken_at": rfc3339(snapshot.taken_at),
        "files_total": snapshot.files_total,
        "bytes_total": snapshot.bytes_total,
        "bytes_new": snapshot.bytes_new,
        "held": decision.held,
        "keep_reasons": list(decision.reasons),
    }


def runs_of(site: Site, job_name: str | None, *, limit: int | None) -> tuple[Run, ...]:
    """Return the last `limit` runs of a job, or of all jobs, oldest first; of one that only the store knows, too."""
    uuid = site.marker().uuid
    if job_name is not None and all(folder.job != job_name for folder in site.folders(uuid)):
        site.job(job_name)
    with site.history(uuid) as history:
        return history.since(job_name, limit=limit)


def rebuild_history(site: Site) -> tuple[int, Path | None]:
    """Make the history anew from what the store tells; return how many runs that are, and where the old one is now.

    None for where when there was none. It has the jobs that are no longer in the config too, and the runs
    that only their snapshot tells of. What stood in the history alone (a run that found its job locked) is
    in the old one. Raises StoreError without the store, or where a job's runs can't be read.
    """
    uuid = site.marker().uuid
    unlisted = [run for folder in site.folders(uuid) for run in unlisted_runs(folder)]
    aside = set_aside(site.history_file(uuid))
    with site.history(uuid) as history:
        for run in unlisted:
            history.append(run)
        return history.count(), aside


def job_states(site: Site) -> tuple[JobState, ...]:
    """Return how each job of the config stands, by name."""
    marker = site.marker()
    zone, now = ZoneInfo(marker.timezone), utc_now()
    with site.history(marker.uuid) as history:
        came = contacts_by_desktop(site, history)
        return tuple(
            _state_of(site, job, history.latest(name), came[job.desktop], zone=zone, now=now)
            for name, job in sorted(site.server.jobs.items())
        )


def _state_of(
    site: Site, job: Job, last_run: Run | None, came: Sequence[datetime], *, zone: ZoneInfo, now: datetime
) -> JobState:
    """Return how a job stands; of a revoked Desktop it is never due and never late, but can be suspect or damaged."""
    desktop, folder = site.desktop_of(job), site.folder_of(job)
    note = expiry_warning(desktop, today=now.astimezone().date())
    if desktop.revoked:
        job, last_run = job.model_copy(update={"schedule": None, "max_age": None}), None
        note = f"desktop {desktop.name} is revoked: nothing is pulled from it any more"
    snapshots, first = list_snapshots(folder), read_first_backup(folder)
    seen = seen_of(site, job, snapshots, came, zone=zone, now=now)
    state = job_state(
        job,
        snapshots,
        last_run,
        zone=zone,
        now=now,
        first_backup=first,
        seen=seen,
        waits_since=_written_at(site.job_file(job)),
    )
    state = _with_marks_of(folder, state)
    owed = read_owed(folder)
    left = f"hooks that are still to be run on it: {', '.join(owed.hooks)}" if owed is not None else ""
    return replace(state, help="; ".join(filter(None, (state.help, left, note))))


def _written_at(job_file: Path) -> datetime | None:
    """Return when a job's file was last written: until its first backup it waits since then, for lack of better."""
    try:
        return datetime.fromtimestamp(job_file.stat().st_mtime, UTC)
    except OSError:
        return None


def _with_marks_of(folder: JobFolder, state: JobState) -> JobState:
    """Return a job as broken where its marks can't be read: nothing is pruned then, and no run says so."""
    try:
        read_marks(folder)
    except StoreError as error:
        return replace(state, state=State.BROKEN, help=f"{error}; {error.hint}")
    return state
