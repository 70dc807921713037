"""What a run would do: reach the Desktop and ask rsync, with the very plan of a run; nothing is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backupjump.operations.plan import plan_attempt
from backupjump.operations.probe import probe
from backupjump.operations.pull import reach
from backupjump.operations.under_way import Pull
from backupjump.rsync.preview import Preview, preview
from backupjump.store.stage import imagined_staging
from backupjump.store.store import open_store

if TYPE_CHECKING:
    from backupjump.operations.under_way import Asked


def preview_job(job_name: str, asked: Asked) -> tuple[str | None, Preview]:
    """Return the snapshot that a run of the job would build on (None for the first) and what it would bring.

    Raises what a run would: ConfigError, StoreError, DesktopAway and the rest.
    """
    pull = Pull(job_name, asked)
    settings = pull.site.server.store
    with open_store(settings.path, uuid=settings.uuid, kind=settings.kind) as store, reach(pull) as desktop:
        rsyncs = probe(desktop, pull.job, pull.gate)
        staging = imagined_staging(pull.folder, sources=pull.job.sources)
        plan = plan_attempt(pull.job, pull.route, store.marker, staging, rsyncs)
        return (staging.base.id if staging.base is not None else None), preview(plan)
