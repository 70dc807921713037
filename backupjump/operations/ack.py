"""Ack: show what a suspect run changed, and take a person's word that it is right.

What is shown is a value, and exactly what it names is acked: a run that comes in between is looked at again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from backupjump.operations.prune import store_zone
from backupjump.operations.snapshot_paths import path_json
from backupjump.run import utc_now
from backupjump.store.abreast import entries_of
from backupjump.store.attempts import point_latest
from backupjump.store.failures import told_as_store_error
from backupjump.store.folder_changes import Changes, changes_between
from backupjump.store.lock import locked
from backupjump.store.marks import read_marks, write_marks
from backupjump.store.snapshots import list_snapshots, newest_good
from backupjump.store.store import open_store

if TYPE_CHECKING:
    from backupjump.operations.site import Site
    from backupjump.store.snapshots import Snapshot


@dataclass(frozen=True, kw_only=True)
class Suspicion:
    """What awaits a person's ack, oldest first, and what the newest of it changed since the good one before it.

    `good` is None when there is none any more, and all files count as new then.
    """

    job: str
    awaiting: tuple[Snapshot, ...]
    good: Snapshot | None
    changes: Changes

    def to_json(self, acked: tuple[str, ...]) -> dict[str, Any]:
        """Return it as JSON values, with the ids that were acked; the keys are API."""
        return {
            "job": self.job,
            "awaiting": [snapshot.id for snapshot in self.awaiting],
            "good": self.good.id if self.good is not None else None,
            "files_new": self.changes.new,
            "files_changed": self.changes.changed,
            "files_deleted": self.changes.deleted,
            "folders": [
                {**path_json(each.path), "new": each.new, "changed": each.changed, "deleted": each.deleted}
                for each in self.changes.folders
            ],
            "examples": [{**path_json(each.path), "what": each.what} for each in self.changes.examples],
            "acked": list(acked),
        }


def suspicion_of(site: Site, job_name: str) -> Suspicion | None:
    """Return what awaits an ack and what changed; None when nothing does. Only reads, and needs no lock."""
    job = site.job(job_name)
    store_zone(site)
    snapshots = list_snapshots(site.folder_of(job))
    awaiting = tuple(snapshot for snapshot in snapshots if snapshot.awaits_ack)
    if not awaiting:
        return None
    newest = awaiting[-1]
    good = newest_good(snapshots[: snapshots.index(newest)])
    changes = changes_between(entries_of(good) or (), entries_of(newest) or ())
    return Suspicion(job=job.name, awaiting=awaiting, good=good, changes=changes)


def ack(site: Site, suspicion: Suspicion, *, right: bool = True) -> tuple[str, ...]:
    """Take what was shown as right and return the ids that were acked; `latest` names the newest good one then.

    From then on they count as good: the next run is judged against the newest of them, and pruning goes on.
    When it is not `right` they never count as good: pruning goes on without them, the measure stays what it was.
    Killed anywhere it has either happened or not; a `latest` that is behind is pointed by the next run.
    Raises JobLocked during a run, StoreError when the marks can't be kept.
    """
    job = site.job(suspicion.job)
    folder, settings = site.folder_of(job), site.server.store
    with open_store(settings.path, uuid=settings.uuid), locked(folder):
        shown = {snapshot.id for snapshot in suspicion.awaiting}
        ids = tuple(each.id for each in list_snapshots(folder) if each.awaits_ack and each.id in shown)
        marks, said = read_marks(folder), dict.fromkeys(ids, utc_now())
        write_marks(
            folder,
            replace(marks, acks={**marks.acks, **said}) if right else replace(marks, wrong={**marks.wrong, **said}),
        )
        good = newest_good(list_snapshots(folder))
        if good is not None:
            with told_as_store_error("the snapshots are acked, but latest can't be pointed"):
                point_latest(folder, good.id)
    return ids
