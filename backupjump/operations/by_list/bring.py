"""Pull by a list: rsync brings what changed, all else comes as the last good snapshot has it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from backupjump.operations.by_list.names import (
    before_names,
    by_list,
    check_no_link_on_the_way,
    may_vouch,
    most_names,
    wanted_paths,
)
from backupjump.rsync.pulled import Kind, LeftOut, Pulled
from backupjump.store.draft import moved_files
from backupjump.store.failures import told_as_store_error
from backupjump.store.publish import record_changes
from backupjump.store.trees import TREES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from backupjump.rsync.plan import Plan
    from backupjump.store.draft import Draft
    from backupjump.store.manifest import Entry
    from backupjump.store.publish import Recorded
    from backupjump.store.staging import Staging
    from backupjump.store.store import Store

# 60 MB of what went, to find again what moved.
_MOST_MOVES = 200_000


@dataclass(frozen=True, kw_only=True)
class ByList:
    """A pull by a list: what differs, which of it rsync is to bring by `plan`, and what lies elsewhere now.

    `wanted` are full paths. `moved` has the last good snapshot's entries by the path of now.
    """

    draft: Draft
    plan: Plan
    wanted: frozenset[bytes]
    moved: Mapping[bytes, Entry]


class TooManyNames(Exception):
    """So much has changed that rsync compares everything as fast; `moved` are files that lie elsewhere now."""

    def __init__(self, count: int, moved: Mapping[bytes, bytes]) -> None:
        super().__init__(f"{count:,} changes are as fast compared with everything else")
        self.moved = moved


def prepare_list(
    staging: Staging, draft: Draft, plan: Plan, *, begin: Callable[[Plan], None] = lambda _plan: None
) -> ByList:
    """Return what is to be done about a draft where `plan` would compare everything, with the base's tree in place.

    `begin` is called, perhaps, with what it will come to but for the names, so that rsync can log in meanwhile.
    Raises TooManyNames before the tree is made, ListUnusable or GraftFailed where it can't be, else StoreError.
    """
    assert staging.base is not None
    most, here = most_names(staging.base.names_total), sum(change.now is not None for change in draft.changes)
    vouched = may_vouch(staging, plan, names=here, links=draft.links)
    moved = moved_files(draft.changes, most=_MOST_MOVES)
    plan = _linking(staging, plan, moved)
    if here and (vouched or here <= most):
        begin(before_names(plan, draft.changes, place=staging.aside, vouched=vouched))
    by_transfer = wanted_paths(plan, draft.changes, place=staging.aside)
    wanted = frozenset(path for paths in by_transfer.values() for path in paths)
    moved = {path: old for path, old in moved.items() if path in wanted}
    before = {path: old.path for path, old in moved.items()}
    if not vouched and len(wanted) > most:
        raise TooManyNames(len(wanted), before)
    if plan.in_place:
        # Else rsync looks for links on the way to what it may link to; here it would write behind one.
        check_no_link_on_the_way(staging.base.tree, sorted(wanted))
    with told_as_store_error("the new snapshot's tree can't be made"):
        TREES[staging.kind].make_way(staging, draft.changes, before)
    beside = staging.base.files_total - len(draft.changes)
    there = [change.now for change in draft.changes if change.now is not None]
    narrowed = by_list(
        plan,
        by_transfer,
        place=staging.aside,
        files_beside=max(0, beside),
        unreadable={now.path for now in there if now.unreadable},
        linked={now.path for now in there if now.nlink > 1 and now.type != "dir"},
        vouched=vouched,
    )
    return ByList(draft=draft, plan=narrowed, wanted=wanted, moved=moved)


def _linking(staging: Staging, plan: Plan, moved: Collection[bytes]) -> Plan:
    """Return `plan` with all that rsync may link to, the folder of what has moved among it, which is made where needed.

    In place it links to nothing.
    """
    if plan.in_place:
        return replace(plan, transfers=tuple(replace(one, link_dests=()) for one in plan.transfers))
    with told_as_store_error("the new snapshot's tree can't be made"):
        for one in plan.transfers:
            if any(path.startswith(one.root) for path in moved):
                (staging.moved / one.source.lstrip("/")).mkdir(parents=True, exist_ok=True)
    with_moved = (replace(one, link_dests=staging.link_dests(one.source)) for one in plan.transfers)
    return replace(plan, transfers=tuple(with_moved))


def take_in(staging: Staging, listed: ByList, pulled: Pulled) -> tuple[Pulled, Collection[bytes]]:
    """Put the tree together; return what was pulled, with folders that can't be listed, and the folders that came anew.

    GraftFailed where the two halves don't fit, else StoreError.
    """
    with told_as_store_error("the new snapshot's tree can't be finished"):
        refreshed = TREES[staging.kind].take_in(staging, listed.draft.changes, listed.wanted)
    closed = [
        LeftOut(path=change.path, kind=Kind.UNREADABLE, why="the folder can't be read there")
        for change in listed.draft.changes
        if change.now is not None and change.now.unreadable and change.path in listed.wanted
    ]
    if closed:
        pulled = replace(pulled, warning=True, left_out=(*pulled.left_out, *closed))
    return pulled, refreshed


def record_list(
    store: Store, staging: Staging, listed: ByList, pulled: Pulled, refreshed: Collection[bytes]
) -> tuple[Recorded, Pulled]:
    """List what the tree holds now; return it, and what was pulled with the paths that vanished meanwhile."""
    recorded, absent = record_changes(
        store,
        staging,
        listed.draft,
        hashes=pulled.hashes,
        moved=listed.moved.values(),
        refreshed=refreshed,
        doubtful=doubtful(pulled) if not pulled.remarks else listed.wanted,
    )
    left_out = {each.path for each in pulled.left_out}
    vanished = tuple(path for path in absent if path in listed.wanted and path not in left_out)
    return recorded, replace(pulled, vanished=(*pulled.vanished, *vanished))


def doubtful(pulled: Pulled) -> frozenset[bytes]:
    """Return the paths that are not here as they are there, so that the next run looks at them again."""
    return frozenset(each.path for each in pulled.left_out)
