"""Bring files back from a snapshot into a folder of this machine.

What is in the way is renamed first, so rsync only ever makes what is not there, and a restore that
breaks off has lost nothing. Deleting comes last.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from backupjump.errors import RestoreRefused
from backupjump.operations.restore.copy import copy
from backupjump.operations.restore.decisions import Mode
from backupjump.operations.restore.plan import RestorePlan, argv_of, plan_restore
from backupjump.operations.restore.target import TargetFolder
from backupjump.operations.snapshot_paths import desktop_path, parent
from backupjump.rsync.progress import Progress, read_progress
from backupjump.run import utc_now
from backupjump.store.find import find_snapshot
from backupjump.store.in_use import in_use
from backupjump.store.snapshots import list_snapshots

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from backupjump.operations.site import Site


@dataclass(frozen=True, kw_only=True)
class Restored:
    """What a restore has done. `files` counts all that is no folder, `deleted` what the snapshot did not have."""

    files: int
    size_bytes: int
    replaced: int
    deleted: int
    kept: int
    skipped: int


def plan_job_restore(
    site: Site,
    job_name: str,
    paths: Sequence[str] = (),
    *,
    target: Path,
    mode: Mode = Mode.NEW_ONLY,
    snapshot: str | None = None,
    at: str | None = None,
) -> RestorePlan:
    """Return what restoring `paths` of a job would do: full ones on the Desktop, from the newest good snapshot or `at`.

    Needs neither the Desktop nor any key. Raises UsageError for an unknown job, snapshot or path, the
    rest as plan_restore does.
    """
    settings = site.server.store
    marker = site.marker()
    snapshots = list_snapshots(site.folder_of(site.job(job_name)))
    chosen = find_snapshot(snapshots, snapshot, at=at, now=utc_now(), zone=ZoneInfo(marker.timezone))
    wanted = [desktop_path(path) for path in paths]
    with in_use(chosen.path):
        return plan_restore(chosen, marker, wanted, store=settings.path, target=target, mode=mode)


def restore(plan: RestorePlan, *, on_progress: Callable[[Progress], None] = lambda _progress: None) -> Restored:
    """Carry out `plan`; `on_progress` is told how far rsync is.

    When it fails, what was replaced stands beside under its new name and nothing has been deleted.
    Raises RestoreRefused when a symlink came up meanwhile, TransferFailed with rsync's own words, StoreError
    when the snapshot has been pruned meanwhile. From here on a prune passes over it.
    """
    with in_use(plan.snapshot.path):
        return _carry_out(plan, on_progress)


def _carry_out(plan: RestorePlan, on_progress: Callable[[Progress], None]) -> Restored:
    _make_target(plan.target)
    target = TargetFolder(plan.target)
    listed = [entry for entry in (*plan.write, *plan.folders, *plan.unchanged) if entry.path]
    written = {entry.path for entry in listed}
    for path in written:
        target.look(path)  # a symlink may have come up since it was planned
    for folder in {parent(path) for path in written} - written:
        target.make_folder(folder)
    for path, name in plan.replace.items():
        target.rename(path, name)
    if listed:
        more = ["--outbuf=L", "--info=progress2", "--no-human-readable"]
        argv = argv_of(plan.snapshot, plan.marker, plan.target, more)
        copy(argv, written, on_line=_progress_reader(on_progress))
    if plan.mode is Mode.EXACT:
        _delete(plan, target)
    return Restored(
        files=plan.files,
        size_bytes=plan.size_bytes,
        replaced=len(plan.replace),
        deleted=plan.files_deleted,
        kept=plan.kept,
        skipped=plan.skipped,
    )


def _progress_reader(on_progress: Callable[[Progress], None]) -> Callable[[bytes], None]:
    latest = Progress()

    def read(line: bytes) -> None:
        nonlocal latest
        if (progress := read_progress(line, latest)) is not None:
            latest = progress
            on_progress(latest)

    return read


def _make_target(target: Path) -> None:
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RestoreRefused(f"{target} can't be made: {error.strerror}") from error


def _delete(plan: RestorePlan, target: TargetFolder) -> None:
    """Delete the extras and what was replaced, then give the folders that held them the snapshot's times again."""
    aside = {_beside(path, name) for path, name in plan.replace.items()}
    gone = [*aside, *(extra.path for extra in plan.delete)]
    for path in gone:
        target.remove(path)
    times = {entry.path: entry.mtime_ns for entry in (*plan.folders, *plan.write) if entry.type == "dir" and entry.path}
    for folder in {parent(path) for path in gone} & times.keys():
        target.set_mtime(folder, times[folder])


def _beside(path: bytes, name: bytes) -> bytes:
    folder = parent(path)
    return folder + b"/" + name if folder else name
