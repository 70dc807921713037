"""Prune: decide what stays, show it, carry it out; and hold what must stay whatever the rules say.

The plan is a value: `--dry-run` prints the one that a prune would carry out.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from backupjump.config.times import read_duration
from backupjump.errors import PruneRefused, StoreError, UsageError
from backupjump.escape import shown
from backupjump.run import utc_now
from backupjump.store.attempts import bases_of_attempts
from backupjump.store.failures import told_as_store_error
from backupjump.store.find import find_snapshot, read_moment
from backupjump.store.lock import locked
from backupjump.store.marks import Hold, read_marks, write_marks
from backupjump.store.reaper import reap as reap_trash
from backupjump.store.retention import Decision, brakes, decide
from backupjump.store.runs import read_runs
from backupjump.store.snapshots import checked, list_snapshots
from backupjump.store.store import open_store
from backupjump.store.trash import empty_trash, throw_away

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from datetime import datetime, tzinfo

    from backupjump.config.models import Job
    from backupjump.operations.site import Site
    from backupjump.store.layout import JobFolder
    from backupjump.store.marks import Marks
    from backupjump.store.snapshots import Snapshot


@dataclass(frozen=True, kw_only=True)
class PrunePlan:
    """What a prune of a job would do, newest snapshot first; `brake` says why not without a person."""

    job: str
    decisions: tuple[Decision, ...]
    brake: str | None

    @property
    def going(self) -> tuple[str, ...]:
        """The ids of what goes, oldest first: one that is stopped half-way has kept the newer ones."""
        return tuple(decision.snapshot.id for decision in reversed(self.decisions) if decision.goes)


def plan_prune(site: Site, job_name: str) -> PrunePlan:
    """Return what a prune would do now; only reads, and needs no lock."""
    job = site.job(job_name)
    now, folder = utc_now(), site.folder_of(job)
    decisions = decisions_of(site, job, now=now)
    runs = read_runs(folder)
    # The last one, not the latest: one night with a clock that ran ahead must not stop all prunes until then.
    recorded_at = runs[-1].ended_at if runs else None
    return PrunePlan(job=job.name, decisions=decisions, brake=brakes(decisions, now=now, recorded_at=recorded_at))


def decisions_of(site: Site, job: Job, *, now: datetime) -> tuple[Decision, ...]:
    """Say of every snapshot of a job, newest first, why it stays; NoStore when the store's disk is not there."""
    folder, zone = site.folder_of(job), store_zone(site)
    holds, built_on = read_marks(folder).holds, bases_of_attempts(folder)

    def decided(snapshots: Sequence[Snapshot]) -> tuple[Decision, ...]:
        return decide(snapshots, job.keep, held=holds, zone=zone, now=now, built_on=built_on)

    snapshots = list_snapshots(folder)
    going = {each.snapshot.id for each in decided(snapshots) if each.goes}
    # To read every manifest would take longer than the rest of a prune; what would go is looked at whole.
    return decided([checked(each) if each.id in going else each for each in snapshots])


def prune(site: Site, job_name: str, *, yes: bool) -> PrunePlan:
    """Take what nothing keeps out of the job and return what was decided; `reap` then gives the space back.

    Raises PruneRefused, with nothing touched, when a brake is on and nobody said `yes`; JobLocked during a run.
    """
    job = site.job(job_name)
    with _open_job(site, job):
        plan = plan_prune(site, job_name)
        if plan.brake is not None and not yes:
            raise PruneRefused(
                f"nothing was pruned: {plan.brake}",
                hint=f"look at: backupjump prune {job.name} --dry-run; if it is right: add --yes",
            )
        return carry_out(site.folder_of(job), plan)


def carry_out(folder: JobFolder, plan: PrunePlan) -> PrunePlan:
    """Move what goes by `plan` to the trash, whatever brakes say, and return what came of it; under the job's lock."""
    if not plan.going:
        return plan
    gone = throw_away(folder, plan.going)
    marks = read_marks(folder)
    if marks.without(gone) != marks:
        _write_marks(folder, marks.without(gone))
    return replace(plan, decisions=tuple(_after(each, gone) for each in plan.decisions))


def _write_marks(folder: JobFolder, marks: Marks) -> None:
    try:
        write_marks(folder, marks)
    except StoreError:
        # On a full disk it is what has just gone that makes room for them.
        with told_as_store_error("the trash can't be emptied"):
            empty_trash(folder, wait=True)
        write_marks(folder, marks)


def _after(decision: Decision, gone: Collection[str]) -> Decision:
    """Return a decision as it was carried out: what was to go and is in use has stayed."""
    if not decision.goes or decision.snapshot.id in gone:
        return decision
    return replace(decision, reasons=("in use: somebody reads it; the next prune takes it",))


def reap(site: Site, job_name: str, *, on_slow: Callable[[int], None]) -> None:
    """Delete what is in the job's trash, with no lock held and as the least of all work, as store/reaper.py does it."""
    folder = site.folder_of(site.job(job_name))
    settings = site.server.store
    with open_store(settings.path, uuid=settings.uuid):
        reap_trash(folder, on_slow=on_slow)


def hold(site: Site, job_name: str, snapshot: str, *, until: str | None, note: str = "") -> tuple[Snapshot, Hold]:
    """Keep a snapshot whatever `keep` says, until a time (`90d`, `2027-01-01` and all of that day) or for good.

    A hold that is there already is replaced. Raises UsageError for an unknown snapshot or a time that is past.
    """
    job = site.job(job_name)
    new = Hold(until=_read_until(until, zone=store_zone(site)) if until is not None else None, note=note)
    with _open_job(site, job):
        found = _found(site, job, snapshot)
        write_marks(site.folder_of(job), read_marks(site.folder_of(job)).held(found.id, new))
    return found, new


def release(site: Site, job_name: str, snapshot: str) -> Snapshot:
    """Let `keep` decide about a held snapshot again; UsageError when it is not held."""
    job = site.job(job_name)
    folder = site.folder_of(job)
    with _open_job(site, job):
        found, marks = _found(site, job, snapshot), read_marks(folder)
        if found.id not in marks.holds:
            raise UsageError(f"{found.id} is not held", hint=f"backupjump snapshots {job.name} shows what is")
        write_marks(folder, marks.released(found.id))
    return found


def store_zone(site: Site) -> ZoneInfo:
    """Return the store's time zone; NoStore when its disk is not there, which must not read as `no snapshots`."""
    return ZoneInfo(site.marker().timezone)


@contextmanager
def _open_job(site: Site, job: Job) -> Iterator[None]:
    settings = site.server.store
    with open_store(settings.path, uuid=settings.uuid), locked(site.folder_of(job)):
        yield


def _found(site: Site, job: Job, wanted: str) -> Snapshot:
    return find_snapshot(list_snapshots(site.folder_of(job)), wanted, now=utc_now())


def _read_until(text: str, *, zone: tzinfo) -> datetime:
    now = utc_now()
    try:
        at = now + read_duration(text)
    except (ValueError, OverflowError):
        at = read_moment(text, now=now, zone=zone)
    if at <= now:
        raise UsageError(f"{shown(text)} is past", hint="write how long, such as 90d, or a day to come")
    return at
