"""Pulls by a list and whole ones, side by side: real rsyncs and the gate's own walk, without a network."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from backupjump.config.models import Ownership, StoreKind
from backupjump.errors import ListUnusable
from backupjump.gate.walk import Walk
from backupjump.operations.by_list.bring import doubtful, prepare_list, record_list, take_in
from backupjump.rsync.plan import Plan, Transfer
from backupjump.rsync.transfer import transfer
from backupjump.store.change_list import compare, same_in
from backupjump.store.draft import Draft, write_draft
from backupjump.store.graft import GraftFailed
from backupjump.store.layout import JobFolder
from backupjump.store.manifest import read_lines, write_lines
from backupjump.store.publish import Published, Recorded, publish, record
from backupjump.store.seen import Seen
from backupjump.store.stage import stage, take_out
from backupjump.store.staging import Staging
from backupjump.store.store import Store
from rsync_world import plan_of
from store_world import AT, RUN, opened


@dataclass(frozen=True)
class Side:
    """One job's folder in a store, and how it is pulled into: the same source, the same rules."""

    folder: JobFolder
    shell: tuple[str, ...]
    exclude: tuple[str, ...] = ()


def pull_whole(side: Side, home: Path) -> Published:
    """Pull as ever, and keep the Desktop's list for the next pull by a list."""

    def bring(store: Store, staging: Staging) -> Recorded:
        staging.aside.mkdir()
        listed = open_list(home)
        path = staging.aside / "listed.zst"
        write_lines(path, listed.lines())
        pulled = transfer(_plan(side, store, staging, home))
        take_out(staging, pulled.stale)
        seen = Seen(path=path, listed_at_ns=listed.at_ns, doubtful=doubtful(pulled))
        return record(store, staging, hashes=pulled.hashes, seen=seen)

    return _published(side, home, bring, may_list=False)


def pull_as_ever(side: Side, home: Path) -> tuple[Published, bool]:
    """Pull by a list, or whole where that turns out not to fit, and return whether it was by the list."""
    try:
        return pull_by_list(side, home), True
    except (GraftFailed, ListUnusable):
        return pull_whole(side, home), False


def pull_by_list(side: Side, home: Path) -> Published:
    """Pull what the list says has changed."""

    def bring(store: Store, staging: Staging) -> Recorded:
        assert staging.base is not None
        staging.aside.mkdir()
        listed = open_list(home)
        marker = store.marker
        same = same_in(owners=marker.ownership is not Ownership.PLAIN, nanoseconds=marker.nanoseconds)
        path = staging.aside / "draft.zst"
        rows = compare(read_lines(staging.base.manifest), listed.lines(), same=same)
        changes, written = write_draft(path, rows, most_changes=100_000)
        draft = Draft(path=path, changes=changes, listed_at_ns=listed.at_ns, written=written)
        by_list = prepare_list(staging, draft, _plan(side, store, staging, home))
        pulled = transfer(by_list.plan)
        take_out(staging, pulled.stale)
        pulled, refreshed = take_in(staging, by_list, pulled)
        return record_list(store, staging, by_list, pulled, refreshed)[0]

    return _published(side, home, bring, may_list=True)


@dataclass(frozen=True)
class List:
    """A list of a folder that nobody writes to: also what changed a moment ago will change by another ctime alone."""

    home: Path

    @property
    def at_ns(self) -> int:
        """A time beyond all of its ctimes."""
        return time.time_ns() + 3_600_000_000_000

    def lines(self) -> Iterator[str]:
        """Yield what the gate's list of the folder says."""
        fd = os.open(self.home, os.O_RDONLY | os.O_DIRECTORY)
        try:
            with Walk(fd, f"{self.home}/", omitted=(), one_file_system=True) as walk:
                yield from walk.lines()
        finally:
            os.close(fd)


def open_list(home: Path) -> List:
    """Return the list of a folder."""
    return List(home)


def _plan(side: Side, store: Store, staging: Staging, home: Path) -> Plan:
    one = Transfer(
        source=str(home), target=staging.tree / str(home).lstrip("/"), link_dests=staging.link_dests(str(home))
    )
    in_place = store.marker.kind is StoreKind.BTRFS
    plan = plan_of(home, one.target, side.shell, exclude=side.exclude, in_place=in_place)
    return replace(plan, transfers=(one,), ownership=store.marker.ownership)


def _published(side: Side, home: Path, bring: Callable[[Store, Staging], Recorded], *, may_list: bool) -> Published:
    with opened(side.folder) as store:
        staging = stage(store, side.folder, sources=(str(home),), run_id="r1", now=AT, may_list=may_list)
        return publish(store, bring(store, staging), run=RUN, how={})
