"""Make the next run's tree of links ahead of it, when the run before is over and nobody waits."""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from backupjump.config.models import StoreKind
from backupjump.errors import BackupjumpError, JobLocked, ProgramMissing
from backupjump.logs import under_systemd
from backupjump.operations.by_list.trust import LIST
from backupjump.operations.judge import how_of
from backupjump.operations.timers.plan import program
from backupjump.process import spawn
from backupjump.store.failures import told_as_store_error
from backupjump.store.graft import GraftFailed
from backupjump.store.in_use import in_use
from backupjump.store.prepared import TakenAwayError, is_prepared, prepare_tree
from backupjump.store.snapshots import list_snapshots, newest_good, newest_usable
from backupjump.store.store import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backupjump.operations.site import Site
    from backupjump.run import Run
    from backupjump.store.layout import JobFolder

log = logging.getLogger(__name__)

# Below so many names a run makes its links in less than half a second.
FEW_NAMES = 20_000

_LOCK_NAME = "prepare.lock"


def prepare(site: Site, job_name: str) -> str:
    """Make the tree that the next run of a job will change into its snapshot, and return a line on what came of it.

    Nothing is made where the next run could not use it. JobLocked where another process is at it; StoreError. Should
    a run begin meanwhile, it takes the half-made tree away and this ends.
    """
    job, folder = site.job(job_name), site.folder_of(site.job(job_name))
    settings = site.server.store
    with open_store(settings.path, uuid=settings.uuid, kind=settings.kind) as store:
        if job.prepare == "never" or store.marker.kind is not StoreKind.HARDLINK:
            return f"{job.name}: nothing is made ahead ({_why_never(job.prepare)})"
        snapshots = list_snapshots(folder)
        base = newest_usable(snapshots)
        good = newest_good(snapshots)
        if base is None or good is None or good.id != base.id or not how_of(base).get(LIST):
            return f"{job.name}: the next run compares everything, so nothing is made ahead"
        with _alone(folder), in_use(base.path):
            if is_prepared(folder, base):
                return f"{job.name}: a tree is ready for the next run"
            store.check_room()
            try:
                with told_as_store_error("the tree can't be made"):
                    prepare_tree(folder, base, sync=store.sync)
            except TakenAwayError:
                return f"{job.name}: a run began, and makes its own"
            except GraftFailed as error:
                raise BackupjumpError(
                    f"{job.name}: {error}", hint=f"see what is amiss: backupjump verify {job.name}"
                ) from error
    return f"{job.name}: a tree of {base.names_total:,} names is ready for the next run"


def prepare_later(site: Site, ended: Run) -> None:
    """Start `backupjump prepare` for the job of a run that has published, if it is worth while; nobody waits for it.

    Under systemd nothing is started: what a service leaves behind is ended with it, so there a unit of its own does.
    """
    if ended.snapshot is None or not ended.status.good or under_systemd():
        return
    job, folder = site.job(ended.job), site.folder_of(site.job(ended.job))
    if job.prepare == "never":
        return
    base = newest_good(list_snapshots(folder))
    if base is None or base.names_total < FEW_NAMES or not how_of(base).get(LIST):
        return
    argv = [*program(), "--config", str(site.config_file.absolute()), "--quiet", "prepare", job.name]
    niced = [*(["nice", "-n", "19"] if shutil.which("nice") else []), *(["ionice", "-c", "3"] if _ionice() else [])]
    with Path(os.devnull).open("r+b") as nothing:
        try:
            spawn([*niced, *argv], stdout=nothing, stderr=nothing)
        except ProgramMissing as error:
            log.info("%s: nothing is made ahead: %s", job.name, error)


def _ionice() -> bool:
    return shutil.which("ionice") is not None


def _why_never(setting: str) -> str:
    return "prepare: never" if setting == "never" else "a btrfs store copies its tree at once"


@contextmanager
def _alone(folder: JobFolder) -> Iterator[None]:
    fd = os.open(folder.path / _LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise JobLocked(f"another process prepares {folder.desktop}/{folder.job} already") from error
        yield
    finally:
        os.close(fd)
