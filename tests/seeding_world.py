"""Sessions of a first backup by a real rsync, without ssh: each ends where it is told to, and publishes what it got."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from backupjump.config.models import StoreKind
from backupjump.errors import LinkLost
from backupjump.rsync.checksums import Checksums
from backupjump.rsync.plan import Transfer
from backupjump.rsync.progress import Progress
from backupjump.rsync.transfer import transfer
from backupjump.run import Run, Status
from backupjump.store.layout import JobFolder
from backupjump.store.publish import Published, publish, record
from backupjump.store.seeding import Told, publish_seeding, retire_superseded
from backupjump.store.settled import settle
from backupjump.store.snapshots import Snapshot, list_snapshots, newest_seeding
from backupjump.store.stage import discard_if_empty, stage
from rsync_world import plan_of
from store_world import AT, RUN, opened

BROKEN_OFF: Run = replace(RUN, status=Status.INTERRUPTED, exit_code=75)


def broken_session(
    folder: JobFolder, shell: tuple[str, ...], home: Path, *, after: int, hours: int, **changes: Any
) -> Snapshot | None:
    """Pull until `after` bytes of files have come, lose the link then, and return what is seeding after it."""

    def look(progress: Progress) -> None:
        if progress.bytes_done > after:
            raise LinkLost("the link broke")

    try:
        whole_session(folder, shell, home, hours=hours, on_progress=look, **changes)
    except LinkLost:
        return newest_seeding(list_snapshots(folder))
    raise AssertionError("all of it came before the link broke")


def whole_session(
    folder: JobFolder,
    shell: tuple[str, ...],
    home: Path,
    *,
    hours: int,
    on_progress: Callable[[Progress], None] = lambda _progress: None,
    **changes: Any,
) -> Published:
    """Pull everything, as a run does, at the hour `hours`; where the link breaks, publish what has come."""
    now, told = AT + timedelta(hours=hours), list[Checksums]()
    run = replace(RUN, run_id=f"hour{hours}")
    with opened(folder) as store:
        staging = stage(store, folder, sources=(str(home),), run_id=run.run_id, now=now)
        target = staging.tree / home.relative_to("/")
        transfers = (Transfer(source=str(home), target=target, link_dests=staging.link_dests(str(home))),)
        in_place = staging.kind is StoreKind.BTRFS
        plan = plan_of(home, staging.tree, shell, **{"transfers": transfers, "in_place": in_place, **changes})
        try:
            pulled = transfer(plan, on_progress=on_progress, on_checksums=told.append)
        except LinkLost:
            discard_if_empty(staging)
            settle(store, folder, staging.path)
            hashes = Told([(staging.tree, each) for each in reversed(told)])
            ended = replace(BROKEN_OFF, run_id=run.run_id)
            publish_seeding(store, staging, run=ended, hashes=hashes, how={}, now=now + timedelta(minutes=1))
            raise
        published = publish(store, record(store, staging, hashes=pulled.hashes), run=run, how={})
        retire_superseded(folder, now=now)
        run = replace(published.run, bytes_received=pulled.bytes_received)
        return replace(published, run=run)
