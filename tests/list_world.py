"""Pulls by a list and whole ones, side by side: real rsyncs and the gate's own walk, without a network."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from backupjump.config.models import Ownership, StoreKind
from backupjump.errors import ListUnusable
from backupjump.gate.walk import Walk
from backupjump.operations.by_list.bring import doubtful, prepare_list, record_list, take_in
from backupjump.rsync.head_start import HeadStart
from backupjump.rsync.plan import Plan, Transfer
from backupjump.rsync.pulled import Pulled
from backupjump.rsync.transfer import transfer
from backupjump.store.change_list import compare, same_in
from backupjump.store.draft import Draft, Links, write_draft
from backupjump.store.graft import GraftFailed
from backupjump.store.layout import JobFolder
from backupjump.store.manifest import read_lines, write_lines
from backupjump.store.prepared import prepare_tree
from backupjump.store.publish import Published, Recorded, publish, record
from backupjump.store.seen import Seen
from backupjump.store.snapshots import list_snapshots, newest_usable
from backupjump.store.stage import stage, take_out
from backupjump.store.staging import Staging
from backupjump.store.store import Store
from backupjump.store.suspicion import Lost
from other_user import acting_as
from rsync_world import plan_of
from store_world import AT, RUN, opened


@dataclass(frozen=True, kw_only=True)
class Side:
    """One job's folder in a store, and how it is pulled into: the same source, the same rules on both sides.

    `server` is the user that pulls, `login` the one that the Desktop's gate and rsync run as; `lie` changes a list.
    """

    folder: JobFolder
    shell: tuple[str, ...]
    exclude: tuple[str, ...] = ()
    max_size: int | None = None
    server: int = 0
    login: int = 0
    lie: Callable[[tuple[str, ...]], tuple[str, ...]] = lambda lines: lines


@dataclass(frozen=True, kw_only=True)
class Taken:
    """A snapshot, what was lost in it, and what was pulled; `whole` is why a list was not gone by, if so."""

    published: Published
    lost: Lost | None
    pulled: Pulled
    whole: str = ""

    @property
    def tree(self) -> Path:
        """The snapshot's tree."""
        return self.published.snapshot.tree


def pull_whole(side: Side, home: Path, *, whole: str = "asked to") -> Taken:
    """Pull as ever, and keep the Desktop's list for the next pull by a list."""

    def bring(store: Store, staging: Staging) -> tuple[Recorded, Pulled]:
        staging.aside.mkdir(exist_ok=True)
        listed = open_list(side, home)
        path = staging.aside / "listed.zst"
        path.unlink(missing_ok=True)
        write_lines(path, listed.lines)
        pulled = transfer(_plan(side, store, staging, home))
        take_out(staging, pulled.stale)
        seen = Seen(path=path, listed_at_ns=listed.at_ns, doubtful=doubtful(pulled))
        return record(store, staging, hashes=pulled.hashes, seen=seen if not pulled.remarks else None), pulled

    return _published(side, home, bring, may_list=False, whole=whole)


def pull_as_ever(side: Side, home: Path) -> Taken:
    """Pull by a list, or whole where that turns out not to fit."""
    try:
        return pull_by_list(side, home)
    except (GraftFailed, ListUnusable) as misfit:
        return pull_whole(side, home, whole=str(misfit))


def pull_by_list(side: Side, home: Path) -> Taken:
    """Pull what the list says has changed."""

    def bring(store: Store, staging: Staging) -> tuple[Recorded, Pulled]:
        assert staging.base is not None
        if staging.goes_on:
            raise ListUnusable("it goes on with what a broken-off run had got")
        staging.aside.mkdir(exist_ok=True)
        listed = open_list(side, home)
        marker = store.marker
        same = same_in(owners=marker.ownership is not Ownership.PLAIN, nanoseconds=marker.nanoseconds)
        path = staging.aside / "draft.zst"
        links = Links()
        rows = compare(links.noted(read_lines(staging.base.manifest)), listed.lines, same=same)
        changes, written = write_draft(path, rows, most_changes=100_000)
        draft = Draft(path=path, changes=changes, listed_at_ns=listed.at_ns, written=written, links=links.paths)
        with HeadStart() as ahead:
            by_list = prepare_list(
                staging,
                draft,
                _plan(side, store, staging, home),
                begin=lambda plan: ahead.begin(plan, plan.transfers[0]),
            )
            pulled = transfer(by_list.plan, ahead=ahead)
        take_out(staging, pulled.stale)
        pulled, refreshed = take_in(staging, by_list, pulled)
        return record_list(store, staging, by_list, pulled, refreshed)

    return _published(side, home, bring, may_list=True)


def prepare_next(side: Side) -> None:
    """Make the tree of links that the next pull by a list uses, in a store that has use for one."""
    with acting_as(side.server), opened(side.folder) as store:
        base = newest_usable(list_snapshots(side.folder))
        assert base is not None
        if store.marker.kind is StoreKind.HARDLINK:
            prepare_tree(side.folder, base, sync=store.sync)


@dataclass(frozen=True, kw_only=True)
class List:
    """A list of a folder that nobody writes to: also what changed a moment ago will change by another ctime alone.

    `at_ns` is a time beyond all of its ctimes.
    """

    lines: tuple[str, ...]
    at_ns: int


def open_list(side: Side, home: Path) -> List:
    """Return what the gate's list of a folder says."""
    with acting_as(side.login):
        fd = os.open(home, os.O_RDONLY | os.O_DIRECTORY)
        try:
            with Walk(fd, f"{home}/", omitted=(), one_file_system=True) as walk:
                lines = tuple(walk.lines())
        finally:
            os.close(fd)
    return List(lines=side.lie(lines), at_ns=time.time_ns() + 3_600_000_000_000)


def _plan(side: Side, store: Store, staging: Staging, home: Path) -> Plan:
    source = str(home)
    one = Transfer(source=source, target=staging.tree / source.lstrip("/"), link_dests=staging.link_dests(source))
    in_place = store.marker.kind is StoreKind.BTRFS
    plan = plan_of(home, one.target, side.shell, exclude=side.exclude, in_place=in_place, max_size=side.max_size)
    return replace(plan, transfers=(one,), ownership=store.marker.ownership)


def _published(
    side: Side,
    home: Path,
    bring: Callable[[Store, Staging], tuple[Recorded, Pulled]],
    *,
    may_list: bool,
    whole: str = "",
) -> Taken:
    with acting_as(side.server), opened(side.folder) as store:
        staging = stage(store, side.folder, sources=(str(home),), run_id="r1", now=AT, may_list=may_list)
        recorded, pulled = bring(store, staging)
        published = publish(store, recorded, run=RUN, how={})
        return Taken(published=published, lost=recorded.listed.lost, pulled=pulled, whole=whole)
