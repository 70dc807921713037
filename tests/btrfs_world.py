"""Pulls by a real rsync, without ssh, into a store of subvolumes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from backupjump.config.models import Ownership
from backupjump.errors import BackupjumpError
from backupjump.rsync.plan import Plan, Transfer
from backupjump.rsync.pulled import Pulled
from backupjump.rsync.transfer import transfer
from backupjump.run import Status
from backupjump.store.layout import JobFolder
from backupjump.store.publish import Published, publish, record
from backupjump.store.settled import settle
from backupjump.store.stage import discard_if_empty, stage, take_out
from backupjump.store.staging import Staging
from rsync_world import plan_of
from store_world import AT, RUN, opened

Transferring = Callable[[Plan], Pulled]


def pull(
    folder: JobFolder,
    shell: tuple[str, ...],
    *sources: Path,
    by: Transferring = transfer,
    **changes: Any,
) -> Published:
    """Take a snapshot of `sources` just as a run does; `changes` are fields of Plan."""
    with opened(folder) as store:
        staging = stage(store, folder, sources=tuple(map(str, sources)), run_id="r1", now=AT)
        try:
            pulled = by(in_place_plan(staging, shell, sources, ownership=store.marker.ownership, **changes))
        except BackupjumpError as error:
            discard_if_empty(staging, because=error)
            settle(store, folder, staging.path)
            raise
        take_out(staging, pulled.stale)
        status = Status.WARNING if pulled.warning else Status.OK
        recorded = record(store, staging, hashes=pulled.hashes)
        return publish(store, recorded, run=replace(RUN, status=status, bytes_received=pulled.bytes_received), how={})


def in_place_plan(
    staging: Staging, shell: tuple[str, ...], sources: Sequence[Path], *, ownership: Ownership, **changes: Any
) -> Plan:
    """Return the plan of a pull of `sources` into the tree of `staging`."""
    transfers = tuple(Transfer(source=str(source), target=in_tree(staging.tree, source)) for source in sources)
    fields = {"transfers": transfers, "in_place": True, "ownership": ownership, **changes}
    return plan_of(sources[0], staging.tree, shell, **fields)


def in_tree(tree: Path, path: Path) -> Path:
    """Return where a path of the Desktop lies in a tree."""
    return tree / path.relative_to("/")
