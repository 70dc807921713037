"""Numbers for Prometheus, in the text that node_exporter's textfile collector reads."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from backupjump.errors import StoreError
from backupjump.operations.exposition import Family, exposition
from backupjump.operations.job_state import State
from backupjump.operations.listing import job_states
from backupjump.run import Run, Status
from backupjump.store.snapshots import list_snapshots
from backupjump.whole_files import replacing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from backupjump.operations.job_state import JobState
    from backupjump.operations.site import Site

log = logging.getLogger(__name__)

# The exporter runs as another account.
_MODE = 0o644
_PREFIX = "backupjump"
_ENDS = (Status.OK, Status.WARNING, Status.SUSPECT, Status.FAILED, Status.AWAY, Status.DEFERRED, Status.INTERRUPTED)


@dataclass(frozen=True, kw_only=True)
class JobNumbers:
    """What is counted of one job; `run` is the last one that tried something, None before the first."""

    state: JobState
    desktop: str
    run: Run | None
    snapshots: int


@dataclass(frozen=True, kw_only=True)
class StoreNumbers:
    """The room in the store's file system; `inodes` are None where it has no fixed number of them."""

    size_bytes: int
    free_bytes: int
    inodes: int | None
    inodes_free: int | None


def write_textfile(site: Site) -> None:
    """Write the numbers to the file that the config names, if it does; a failure is logged, never raised."""
    if site.server.metrics is None:
        return
    try:
        write_metrics(site, site.server.metrics.textfile)
    except OSError as error:
        log.warning("the metrics can't be written to %s: %s", site.server.metrics.textfile, error.strerror)


def write_metrics(site: Site, path: Path) -> None:
    """Write the numbers to `path`, whole or not at all, for everybody to read. Raises OSError."""
    with replacing(path, mode=_MODE) as file:
        file.write(metrics_of(site).encode())


def metrics_of(site: Site) -> str:
    """Return the numbers of all jobs of the config and of the store; of one that is not there, that it is not."""
    try:
        return metrics_text(_jobs(site), _store(site.server.store.path))
    except (StoreError, OSError) as error:
        log.info("no numbers but that the store is not there: %s", error)
        return metrics_text((), None)


def _jobs(site: Site) -> tuple[JobNumbers, ...]:
    with site.history(site.marker().uuid) as history:
        return tuple(
            JobNumbers(
                state=state,
                desktop=site.job(state.job).desktop,
                run=history.latest(state.job),
                snapshots=len(list_snapshots(site.folder_of(site.job(state.job)))),
            )
            for state in job_states(site)
        )


def _store(path: Path) -> StoreNumbers:
    found = os.statvfs(path)
    fixed = found.f_files > 0  # btrfs says 0 of 0 inodes
    return StoreNumbers(
        size_bytes=found.f_blocks * found.f_frsize,
        free_bytes=found.f_bavail * found.f_frsize,
        inodes=found.f_files if fixed else None,
        inodes_free=found.f_favail if fixed else None,
    )


def metrics_text(jobs: Sequence[JobNumbers], store: StoreNumbers | None) -> str:
    """Return the numbers as Prometheus reads them; `store` is None when it is not there. The names are API. Pure."""
    return exposition([*_store_families(store), *_job_families(jobs), *_run_families(jobs)])


def _store_families(store: StoreNumbers | None) -> list[Family]:
    def family(name: str, help_: str, value: int | None) -> Family:
        return Family(name=f"{_PREFIX}_store_{name}", help=help_, samples=[({}, value)] if value is not None else [])

    up = family("up", "Whether the store is there: 1, or 0 as when its disk is not mounted.", int(store is not None))
    if store is None:
        return [up]
    return [
        up,
        family("size_bytes", "Size of the store's file system.", store.size_bytes),
        family("free_bytes", "Free space in the store's file system, to this account.", store.free_bytes),
        family("inodes", "Inodes of the store's file system; none where it has no fixed number.", store.inodes),
        family("inodes_free", "Free inodes in the store's file system.", store.inodes_free),
    ]


def _job_families(jobs: Sequence[JobNumbers]) -> list[Family]:
    states = [
        ({**_labels(each), "state": state.value}, float(each.state.state is state)) for each in jobs for state in State
    ]
    return [
        _family(jobs, "last_success_timestamp_seconds", "When the last good snapshot was begun; 0 before the first.",
                lambda each: _seconds(each.state.last_good_at)),
        _family(jobs, "next_due_timestamp_seconds", "When the job is due next; not there without a schedule.",
                lambda each: _seconds(each.state.next_due_at) if each.state.next_due_at else None),
        _family(jobs, "snapshots", "Snapshots of the job.", lambda each: each.snapshots),
        _family(jobs, "last_success_bytes", "Bytes in the last good snapshot.", lambda each: each.state.size_bytes),
        Family(name=f"{_PREFIX}_job_state", help="How the job stands: 1 for the state it is in.", samples=states),
    ]  # fmt: skip


def _run_families(jobs: Sequence[JobNumbers]) -> list[Family]:
    """Return what is said of each job's last run; a job that never ran has only zeros for its status."""
    ends = [
        ({**_labels(each), "status": status.value}, float(each.run is not None and each.run.status is status))
        for each in jobs
        for status in _ENDS
    ]

    def family(name: str, help_: str, number: Callable[[Run], float]) -> Family:
        return _family(jobs, f"last_run_{name}", help_, lambda each: number(each.run) if each.run else None)

    return [
        Family(name=f"{_PREFIX}_last_run_status", help="How the last run ended: 1 for its status.", samples=ends),
        family("timestamp_seconds", "When the last run ended.", lambda run: run.ended_at.timestamp()),
        family("duration_seconds", "How long the last run took.",
               lambda run: (run.ended_at - run.started_at).total_seconds()),
        family("received_bytes", "Bytes that the last run received, all of its tries.", lambda run: run.bytes_received),
        family("new_bytes", "Bytes that the last run added to the store.", lambda run: run.bytes_new),
        family("files", "Regular files that the last run found.", lambda run: run.files_total),
        family("warnings", "Warnings of the last run.", lambda run: len(run.warnings)),
    ]  # fmt: skip


def _family(jobs: Sequence[JobNumbers], name: str, help_: str, number: Callable[[JobNumbers], float | None]) -> Family:
    numbers = [(_labels(each), number(each)) for each in jobs]
    samples = [(labels, value) for labels, value in numbers if value is not None]
    return Family(name=f"{_PREFIX}_{name}", help=help_, samples=samples)


def _labels(each: JobNumbers) -> dict[str, str]:
    return {"job": each.state.job, "desktop": each.desktop}


def _seconds(at: datetime | None) -> float:
    return at.timestamp() if at is not None else 0.0
