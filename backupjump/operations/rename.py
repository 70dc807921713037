"""Carry a job's whole past over to a new name: one rename of its folder, so it is there under one name or the other."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from backupjump.errors import JobLocked, UsageError
from backupjump.escape import shown
from backupjump.operations.identity import has_begun
from backupjump.store.failures import told_as_store_error
from backupjump.store.in_use import unused
from backupjump.store.jobs import job_folders
from backupjump.store.layout import JobFolder
from backupjump.store.lock import locked
from backupjump.store.move import move_job
from backupjump.store.repair import mend
from backupjump.store.runs import read_runs
from backupjump.store.snapshots import list_snapshots
from backupjump.store.store import open_store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backupjump.operations.site import Site


@dataclass(frozen=True, kw_only=True)
class RenamePlan:
    """What moves where: a job's folder with its snapshots, and how many runs it tells of."""

    old: JobFolder
    new: JobFolder
    snapshots: int
    runs: int


def plan_rename(site: Site, old: str, new: str) -> RenamePlan:
    """Return what would move from the job `old` (JOB or DESKTOP/JOB) of the store to the job `new` of the config.

    Only reads. Raises UsageError where one of the two is not what it has to be, StoreError without the store.
    """
    site.marker()
    target = site.folder_of(site.job(new))
    source = _source(site, old, target)
    _check_target(target)
    return RenamePlan(old=source, new=target, snapshots=len(list_snapshots(source)), runs=len(read_runs(source)))


def rename(site: Site, old: str, new: str) -> RenamePlan:
    """Carry the job `old` over to the name `new` and return what was moved.

    Snapshots, runs, holds and broken-off attempts move in one step: killed at any moment, all of them are
    there under one of the two names. Raises as `plan_rename` does, and JobLocked, with nothing touched,
    while a run, a restore or a verify is at either.
    """
    plan = plan_rename(site, old, new)
    settings = site.server.store
    with open_store(settings.path, uuid=settings.uuid) as store, ExitStack() as locks:
        for folder in (plan.old, plan.new):
            # To lock a folder makes it: else a run could begin in the new one, and see the old one come in its place.
            locks.enter_context(locked(folder))
        mend(plan.old)
        plan = plan_rename(site, old, new)
        _check_unused(plan.old)
        with told_as_store_error(f"{plan.old.path} can't be renamed"):
            move_job(plan.old, plan.new)
        uuid = store.marker.uuid
    with site.history(uuid):
        pass  # that it is opened brings the runs under their new name
    return plan


def _source(site: Site, name: str, target: JobFolder) -> JobFolder:
    """Return the job of the store that `name` means; UsageError with a guess where there is none to be moved."""
    folders = [folder for folder in job_folders(target.store) if folder != target]
    # A name alone is one of the same Desktop.
    wanted = name if "/" in name else f"{target.desktop}/{name}"
    found = next((folder for folder in folders if _full_name(folder) == wanted), None)
    if found is None:
        raise _unknown(name, [folder for folder in folders if not site.has(folder)], target)
    if site.has(found):
        raise UsageError(
            f"{_full_name(found)} is a job of the config, and goes on under its own name",
            hint=f"if {target.job} is to go on with its snapshots: move jobs/{found.job}.yaml away first",
        )
    return found


def _check_target(target: JobFolder) -> None:
    if target.path.is_dir() and has_begun(target):
        count = len(list_snapshots(target))
        has = f"{count} snapshot{'' if count == 1 else 's'}" if count else "a broken-off attempt"
        raise UsageError(
            f"{_full_name(target)} has {has} of its own, and two histories can't be made one",
            hint=f"see: backupjump snapshots {target.job}; to begin anew, move {target.path} out of the store",
        )


def _check_unused(folder: JobFolder) -> None:
    for snapshot in list_snapshots(folder):
        with unused(snapshot.path) as free:
            if not free:
                raise JobLocked(
                    f"somebody reads the snapshot {snapshot.id} of {_full_name(folder)}",
                    hint="wait until that restore or verify has ended, then again",
                )


def _unknown(name: str, folders: Sequence[JobFolder], target: JobFolder) -> UsageError:
    # A name alone suffices for a job of the same Desktop.
    names = {each.job if each.desktop == target.desktop else _full_name(each): each for each in folders}
    same = [each for each, folder in names.items() if folder.job == name.rpartition("/")[2]]
    near = same or get_close_matches(name, names, n=1)
    guess = f"; did you mean {near[0]!r}?" if near else ""
    hint = f"there are: {', '.join(names)}" if names else "every job in the store is a job of the config"
    return UsageError(f"the store has no job {shown(name)!r} to be renamed{guess}", hint=hint)


def _full_name(folder: JobFolder) -> str:
    return f"{folder.desktop}/{folder.job}"
