"""What a run or a heal was killed before: done when the next run begins. A Run is found again in meta.json."""

from __future__ import annotations

import logging
from dataclasses import replace

from backupjump.errors import StoreError
from backupjump.escape import shown
from backupjump.run import Run
from backupjump.store.attempts import point_latest
from backupjump.store.layout import JobFolder, read_id
from backupjump.store.meta import read_meta
from backupjump.store.runs import append_run, read_runs
from backupjump.store.snapshots import Snapshot, list_snapshots, newest_good
from backupjump.store.trash import discard

log = logging.getLogger(__name__)


def mend(folder: JobFolder) -> None:
    """Do what a run was killed before: point `latest`, note its Run in runs.jsonl; and drop what a killed heal left.

    That lies in work/ and is no attempt. The job's lock must be held. What fails is logged: a backup is worth
    more than the record of the last one.
    """
    try:
        good = newest_good(list_snapshots(folder))
        if good is not None:
            point_latest(folder, good.id)
        for run in unlisted_runs(folder):
            append_run(folder, run)
            log.info("%s/%s: the run %s had not been noted", folder.desktop, folder.job, run.run_id)
        for path in folder.work.iterdir():
            if read_id(path.name) is None and path != folder.prepared and path.is_dir() and not path.is_symlink():
                discard(folder, path)
    except (OSError, StoreError) as error:
        log.warning("%s could not be repaired: %s", folder.path, error)


def unlisted_runs(folder: JobFolder) -> tuple[Run, ...]:
    """Return the runs of published snapshots that stand in no line of runs.jsonl, in the order of publication."""
    listed = {run.run_id for run in read_runs(folder)}
    found: dict[str, Run] = {}
    for snapshot in list_snapshots(folder):
        if snapshot.problem or snapshot.run_id in listed:
            continue
        if (run := _run_of(folder, snapshot)) is not None:
            found.setdefault(run.run_id, run)
    return tuple(found.values())


def _run_of(folder: JobFolder, snapshot: Snapshot) -> Run | None:
    try:
        run = Run.from_json(read_meta(snapshot.path)["run"])
    except ValueError as error:
        log.warning("%s does not tell of its run: %s", snapshot.path, shown(str(error)))
        return None
    return replace(run, job=folder.job, desktop=folder.desktop)
