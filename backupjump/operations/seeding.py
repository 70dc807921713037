"""Publish what has arrived of a first backup when a session ends, until a whole one takes its place."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from backupjump.config.models import RouteKind, StoreKind
from backupjump.errors import BackupjumpError, Stopped
from backupjump.operations.compression import how_of
from backupjump.operations.provenance import selection_of
from backupjump.run import utc_now
from backupjump.store.compare import lost_since
from backupjump.store.manifest import MANIFEST_NAME
from backupjump.store.seeding import Told, publish_seeding, retire_superseded
from backupjump.store.snapshots import list_snapshots, newest_seeding
from backupjump.store.suspicion import covered

if TYPE_CHECKING:
    from backupjump.config.models import Gates, Job
    from backupjump.operations.under_way import Pull
    from backupjump.store.layout import JobFolder
    from backupjump.store.publish import Recorded
    from backupjump.store.suspicion import Lost

log = logging.getLogger(__name__)


def seed(pull: Pull, error: BackupjumpError) -> None:
    """Publish what has arrived when a first backup ends with `error`, in place of what was published so before.

    Whatever fails is logged alone: the run ends as it does, and the next one goes on from its attempt. A signal
    meanwhile is raised, with nothing left behind.
    """
    staging = pull.staging
    if staging is None or staging.base is not None or staging.last_good is not None or not staging.path.is_dir():
        return
    assert pull.store is not None
    log.info("%s: publishing what has arrived so far", pull.job.name)
    how = {
        "jump_sees_plaintext": any(route.kind is RouteKind.NESTED for route in pull.by),
        "selection": selection_of(pull.job),
        **how_of(pull),
    }
    now = utc_now()
    try:
        run = pull.run.with_error(error, ended_at=now)
        publish_seeding(pull.store, staging, run=run, hashes=_told(pull), how=how, now=now)
    except Stopped:
        raise
    except (BackupjumpError, OSError) as failed:
        log.warning("%s: what has arrived so far is not published: %s", pull.job.name, failed)


def about_seeding(folder: JobFolder, recorded: Recorded, job: Job) -> tuple[str, ...]:
    """Return a line for a person if much of the job's seeding snapshot is not in the first backup that is `recorded`.

    None where it is little, by the job's gates: then the seeding one may go. A Desktop that was set up anew on the
    way has a first backup of next to nothing, and nothing else to be compared with.
    """
    seeding = newest_seeding(list_snapshots(folder))
    if seeding is None or recorded.staging.last_good is not None:
        return ()
    sources = [os.fsencode(source.lstrip("/")) for source in recorded.staging.sources]
    lost = lost_since(seeding, recorded.staging.path / MANIFEST_NAME, counts=lambda path: covered(path, sources))
    if not is_much(lost, job.gates):
        return ()
    return (
        f"{seeding.id}, which is seeding, stays: of its {lost.files_before} files {lost.deleted} are gone and "
        f"{lost.changed} changed in this first whole backup; see: backupjump ls {job.name} --snapshot {seeding.id} -R",
    )


def is_much(lost: Lost, gates: Gates) -> bool:
    """Whether so much is lost that a person should look before it goes. Pure."""
    return lost.deleted > gates.max_deleted * lost.files_before or lost.changed > gates.max_changed * lost.files_before


def retire_seeding(pull: Pull) -> None:
    """Move what was seeding to the trash, now that the first good snapshot is there; what fails is logged alone."""
    try:
        retire_superseded(pull.folder, now=utc_now())
    except Stopped:
        raise
    except (BackupjumpError, OSError) as error:
        log.warning("%s: what was seeding stays: %s", pull.job.name, error)


def _told(pull: Pull) -> Told:
    """Return what rsync told in this run, newest try first; in a btrfs store all tries came into the one tree."""
    assert pull.staging is not None
    current, in_place = pull.staging.tree, pull.staging.kind is StoreKind.BTRFS
    return Told(
        [
            (current if in_place else pull.folder.work / id_ / current.name, checksums)
            for id_, checksums in reversed(pull.told)
        ]
    )
