"""A job that was renamed is another job to the store, and would start from nothing: noticed before anything is made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from backupjump.errors import ConfigError, StoreError
from backupjump.escape import shown
from backupjump.run import rfc3339
from backupjump.store.jobs import job_folders
from backupjump.store.layout import JobFolder, read_id
from backupjump.store.snapshots import list_snapshots

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from backupjump.config.models import Job
    from backupjump.operations.site import Site
    from backupjump.store.snapshots import Snapshot


@dataclass(frozen=True, kw_only=True)
class Namesake:
    """Another job of the same Desktop in the store, and its good snapshots of the same sources, oldest first."""

    folder: JobFolder
    snapshots: tuple[Snapshot, ...]
    in_config: bool


def refuse_a_new_history(site: Site, job: Job) -> None:
    """Raise ConfigError when `job` would start from nothing beside snapshots of its very sources; only reads.

    A job with a snapshot or a broken-off attempt has begun already, and passes. So does everything where
    the store is not there, which is for the run itself to tell.
    """
    try:
        site.marker()
        if has_begun(site.folder_of(job)):
            return
        found = tuple(_namesakes(site, job))
    except (StoreError, OSError):
        return
    if found:
        raise _refusal(job, best_of(found))


def has_begun(folder: JobFolder) -> bool:
    """Whether a job has a snapshot, whole or not, or an attempt that the next run goes on with."""
    places = [place for place in (folder.snapshots, folder.work) if place.is_dir()]
    return any(read_id(path.name) is not None for place in places for path in place.iterdir())


def overlap(some: Iterable[str], others: Sequence[str]) -> bool:
    """Whether any of two lists of sources are equal or one inside the other."""
    return any(
        PurePosixPath(one).is_relative_to(other) or PurePosixPath(other).is_relative_to(one)
        for one in some
        for other in others
    )


def best_of(found: Sequence[Namesake]) -> Namesake:
    """Return the one that was meant: of those that the config no longer names, else of all, the last to be used."""
    return max(found, key=lambda each: (not each.in_config, each.snapshots[-1].taken_at))


def _namesakes(site: Site, job: Job) -> Iterable[Namesake]:
    for folder in job_folders(site.server.store.path):
        if folder.desktop != job.desktop or folder.job == job.name:
            continue
        same = tuple(each for each in list_snapshots(folder) if each.is_good and overlap(each.sources, job.sources))
        if same:
            yield Namesake(folder=folder, snapshots=same, in_config=site.has(folder))


def _refusal(job: Job, found: Namesake) -> ConfigError:
    last = found.snapshots[-1]
    sources = ", ".join(shown(source) for source in last.sources)
    count = len(found.snapshots)
    hint = f"to start a new history beside it: backupjump run {job.name} --seed"
    if not found.in_config:
        hint = f"to carry them over: backupjump rename {found.folder.job} {job.name}; {hint}"
    return ConfigError(
        f"{job.name} has no snapshot yet, but {found.folder.desktop}/{found.folder.job} has {count} of {sources}, "
        f"{'the last ' if count > 1 else ''}of {rfc3339(last.taken_at)}",
        hint=hint,
    )
