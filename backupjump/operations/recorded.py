"""How a Run ends: complete, stored beside the snapshots and in the history, whatever ended it."""

from __future__ import annotations

import logging
from contextlib import contextmanager, suppress
from dataclasses import replace
from shutil import disk_usage
from typing import TYPE_CHECKING

from backupjump.errors import BackupjumpError, Stopped, StoreError
from backupjump.escape import shown_lines
from backupjump.logs import log_fields
from backupjump.operations.telling.after_run import told
from backupjump.operations.under_way import Asked, Pull
from backupjump.run import utc_now
from backupjump.store.repair import unlisted_runs
from backupjump.store.runs import append_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backupjump.run import Run

log = logging.getLogger(__name__)


@contextmanager
def recorded(job_name: str, asked: Asked) -> Iterator[Pull]:
    """Give a Pull to work with; whatever ends the block, the Run is complete, stored and told of after it.

    An error that the program can explain becomes the Run's; any other one is recorded and raised on. Once
    a snapshot is published the Run stays what it is, and an error is a warning in it. A mistake in the
    config or the job's name raises before there is a Run.
    """
    pull = Pull(job_name, asked)
    try:
        with log_fields(job=pull.job.name, run_id=pull.run.run_id), _kept(pull):
            others = f", else by {len(pull.ways) - 1} more" if len(pull.ways) > 1 else ""
            log.info("%s: pulling from %s by %s%s", pull.job.name, pull.desktop.name, pull.route.kind.value, others)
            yield pull
    except Stopped:
        raise
    except Exception:
        told(pull, pull.run, broke=True)  # nobody else will: what follows a run does not follow this one
        raise


@contextmanager
def _kept(pull: Pull) -> Iterator[None]:
    """Complete and store the Run, whatever ends the block; what the program can explain is not raised on."""
    try:
        yield
    except BackupjumpError as error:
        _end_with(pull, error)
    except Exception as error:
        _end_with(
            pull, BackupjumpError(f"backupjump broke: {type(error).__name__}: {shown_lines(str(error), lines=3)}")
        )
        raise
    finally:
        _record(pull)


def _end_with(pull: Pull, error: BackupjumpError) -> None:
    """Let the Run end with an error; one that comes after the publication costs nothing of what is there."""
    run = _published_run(pull)
    if run is None:
        pull.run = pull.run.with_error(error, ended_at=utc_now())
    elif isinstance(error, Stopped):
        pull.run, pull.stopped = run, error
    else:
        pull.run = replace(run, warnings=(*run.warnings, f"after the publication: {error}"), ended_at=utc_now())


def _published_run(pull: Pull) -> Run | None:
    """Return the Run if it has published, also where a signal came between the rename and our hearing of it."""
    if pull.run.snapshot is not None or pull.staging is None:
        return pull.run if pull.run.snapshot is not None else None
    if not (pull.folder.snapshots / pull.staging.id).is_dir() or pull.staging.path.exists():
        return None
    return next((run for run in unlisted_runs(pull.folder) if run.run_id == pull.run.run_id), None)


def _record(pull: Pull) -> None:
    """Store the Run beside the snapshots and in the history.

    `locked` and a missing store stand in the history alone: nothing in the job's folder may be touched then.
    """
    if pull.lock_fd >= 0:
        with suppress(OSError):
            pull.run = replace(pull.run, store_free_bytes=disk_usage(pull.folder.store).free)
        try:
            append_run(pull.folder, pull.run)
        except StoreError as error:
            log.error("%s: %s", pull.job.name, error)
    with pull.site.history(_store_uuid(pull)) as history:
        history.append(pull.run)


def _store_uuid(pull: Pull) -> str | None:
    """Return whose history is meant: also of a store that is full or read-only, and so was never opened."""
    try:
        return pull.site.marker().uuid
    except StoreError:
        return pull.store.marker.uuid if pull.store is not None else pull.site.server.store.uuid
