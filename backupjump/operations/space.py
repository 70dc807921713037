"""Whether what a run brings fits into the store: by what the last runs brought, and where that may not fit, by rsync.

A run that can't fit ends before anything is transferred; one that fills the store after all ends while there is
room for what it got to be kept. Both say how much is lacking.
"""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from backupjump.config.models import StoreKind
from backupjump.errors import BackupjumpError, Stopped, StoreFull
from backupjump.operations.housekeeping import prune_now
from backupjump.operations.plan import plan_attempt
from backupjump.operations.report import size
from backupjump.rsync.preview import preview
from backupjump.run import utc_now
from backupjump.store.failures import told_as_store_error
from backupjump.store.partials import partial_sizes
from backupjump.store.room import FLOOR, Need, floor_with
from backupjump.store.seeding import retire, unheld_seeding
from backupjump.store.snapshots import TREE_NAME, list_snapshots, newest_seeding
from backupjump.store.stage import check_room, imagined_staging
from backupjump.store.trash import discard, empty_trash
from backupjump.store.tree import walk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backupjump.operations.under_way import Pull
    from backupjump.rsync.output import Item
    from backupjump.rsync.plan import Transfer
    from backupjump.store.snapshots import Snapshot
    from backupjump.store.staging import Staging
    from backupjump.store.store import Store

log = logging.getLogger(__name__)

_RUNS_TO_LEARN_FROM = 5
_BESIDE_THE_TREE = 6
# From here on a file in the store is taken for sparse or compressed.
_MUCH_SMALLER = 0.9


def check_begin(pull: Pull, store: Store) -> None:
    """Raise StoreFull, with nothing written, where there is no room to begin; under the lock more may be done."""
    try:
        check_room(store, pull.folder)
    except StoreFull as full:
        if not _may_prune(pull):
            raise StoreFull(str(full), hint=_hint(pull, inodes=not FLOOR.beyond(store.room).bytes)) from full


def check_fits(pull: Pull) -> None:
    """Raise StoreFull when what a run brings can't fit, with nothing transferred; where it may be, room is made first.

    The first run of a job has nothing to learn from and passes, unless what has arrived before has filled the store.
    """
    estimate = _learned(list_snapshots(pull.folder))
    if estimate is None or not _lacking(pull, estimate):
        return
    _empty_trash(pull)
    if not _lacking(pull, estimate):
        return
    staging = imagined_staging(pull.folder, sources=pull.job.sources)
    need = need_of(pull, staging)
    if _lacking(pull, need) and not _make_room(pull, staging, need):
        raise _full(pull, need)


def after_full(pull: Pull, full: StoreFull, *, again: bool) -> None:
    """Return when room was made for one more try, which `again` allows; else raise how much is lacking.

    The Desktop is asked for that; where it does not answer, `full` is raised as it is.
    """
    staging = imagined_staging(pull.folder, sources=pull.job.sources)
    try:
        need = need_of(pull, staging)
    except Stopped:
        raise
    except BackupjumpError as error:
        log.info("%s: can't say how much is lacking: %s", pull.job.name, error)
        raise full from None
    _empty_trash(pull)
    if not (again and _make_room(pull, staging, need)):
        raise _full(pull, need) from full


def floor_of(pull: Pull) -> Need:
    """Return what must stay free while data arrives, so that it is kept and listed."""
    sizes = map(_manifest_bytes, reversed(list_snapshots(pull.folder)))
    return floor_with(next((each for each in sizes if each), 0))


def _manifest_bytes(snapshot: Snapshot) -> int:
    with suppress(OSError):
        return snapshot.manifest.stat().st_size
    return 0


def need_of(pull: Pull, staging: Staging) -> Need:
    """Ask rsync what an attempt would bring, and return what that takes, less what older attempts have of it."""
    assert pull.store is not None
    assert pull.rsyncs is not None
    plan = plan_attempt(pull.job, pull.route, pull.store.marker, staging, pull.rsyncs)
    partials = {path: size for older in staging.older for path, size in partial_sizes(older / TREE_NAME).items()}
    block, taken = pull.store.room.block, {"bytes": 0, "inodes": 0}

    def count(transfer: Transfer, item: Item) -> None:
        taken["inodes"] += 1
        if item.transferred:
            rest = _allocated(transfer, item, in_place=plan.in_place) - partials.get(transfer.root + item.name, 0)
            taken["bytes"] += -(-max(0, rest) // block) * block

    folders = preview(plan, pass_fds=(pull.lock_fd,), on_item=count).folders
    # Folders alone are made anew where nothing has changed, and rsync does not tell of those, nor of the way to a
    # source and of what stands beside the tree.
    way = sum(len(Path(source).parts) for source in staging.sources) + _BESIDE_THE_TREE
    anew = way if plan.in_place else way + folders
    return Need(bytes=taken["bytes"] + anew * block, inodes=taken["inodes"] + anew)


def _allocated(transfer: Transfer, item: Item, *, in_place: bool) -> int:
    """Return what a file will take: where the base's has holes or is compressed, so much less; in place, nothing."""
    for base in transfer.link_dests[:1]:
        with suppress(OSError):
            found = os.lstat(os.path.join(os.fsencode(base), item.name))  # noqa: PTH118 (a name is bytes)
            if in_place:
                return 0
            if found.st_size and found.st_blocks * 512 < _MUCH_SMALLER * found.st_size:
                return min(item.size, item.size * found.st_blocks * 512 // found.st_size)
    return item.size


def _learned(snapshots: Sequence[Snapshot]) -> Need | None:
    good = [snapshot for snapshot in snapshots if snapshot.is_good][-_RUNS_TO_LEARN_FROM:]
    if good:
        # The oldest may be the first backup, which brought everything.
        return Need(bytes=max(snapshot.bytes_new for snapshot in good[1:] or good))
    return Need() if newest_seeding(snapshots) is not None else None


def _lacking(pull: Pull, need: Need, *, also_free: int = 0) -> Need:
    assert pull.store is not None
    room = pull.store.room
    return (need + floor_of(pull)).beyond(replace(room, free_bytes=room.free_bytes + also_free))


def _make_room(pull: Pull, staging: Staging, need: Need) -> bool:
    """Make room for `need` where that may be done, and say whether it is there now."""
    if not _lacking(pull, need):
        return True
    if (staging.older or staging.seeding) and _give_up_attempts(pull, staging):
        return True
    if not (_may_prune(pull) and prune_now(pull)):
        return False
    log.info("%s: the store is full: pruned, deleting now", pull.job.name)
    _empty_trash(pull)
    return not _lacking(pull, need)


def _give_up_attempts(pull: Pull, staging: Staging) -> bool:
    """Delete what broken-off attempts got if the run then fits: it may be nothing that the Desktop still has.

    A seeding snapshot has the same files, and goes with them unless it is held: a whole one is about to come.
    """
    seeding = unheld_seeding(pull.folder, now=utc_now())
    rest = replace(staging, older=(), seeding=None if seeding else staging.seeding)
    held = _held_bytes(pull, staging, also_seeding=bool(seeding))
    if _lacking(pull, need_of(pull, rest), also_free=held):
        return False
    log.warning("%s: the store is full: giving up what broken-off runs had got, %s", pull.job.name, size(held))
    with told_as_store_error("an attempt can't be removed"):
        for older in staging.older:
            discard(pull.folder, older)
    retire(pull.folder, seeding)
    _empty_trash(pull)
    return True


def _held_bytes(pull: Pull, staging: Staging, *, also_seeding: bool) -> int:
    """Return what comes free with the attempts, and with the seeding snapshot: nothing else has those inodes then."""
    trees = [older / TREE_NAME for older in staging.older]
    trees += [staging.seeding.tree] if also_seeding and staging.seeding is not None else []
    held = [
        sum(
            found.status.st_blocks * 512 // found.status.st_nlink
            for found in walk(tree)
            if not found.is_folder and (also_seeding or found.status.st_nlink == 1)
        )
        for tree in trees
    ]
    # In a btrfs store they share content under inodes of their own.
    assert pull.store is not None
    return max(held, default=0) if pull.store.marker.kind is StoreKind.BTRFS else sum(held)


def _may_prune(pull: Pull) -> bool:
    return pull.job.on_full == "prune"


def _empty_trash(pull: Pull) -> None:
    with told_as_store_error("the trash can't be emptied"):
        empty_trash(pull.folder, wait=True)


def _full(pull: Pull, need: Need) -> StoreFull:
    """Return the error that says how much is lacking, of what, and what to do about it."""
    assert pull.store is not None
    room, lacking = pull.store.room, _lacking(pull, need)
    of_inodes = not lacking.bytes and lacking.inodes > 0
    if of_inodes:
        text = f"{lacking.inodes} more inodes than it has, {room.inodes} are free on {pull.store.path}"
    else:
        text = f"{size(lacking.bytes)} more than it has, {size(room.free_bytes)} are free on {pull.store.path}"
    return StoreFull(f"the store is full: {pull.job.name} needs {text}", hint=_hint(pull, inodes=of_inodes))


def _hint(pull: Pull, *, inodes: bool) -> str:
    job, look = pull.job.name, f"df {'-i' if inodes else '-h'} {pull.site.server.store.path}"
    frozen = next((each for each in list_snapshots(pull.folder) if each.awaits_ack), None)
    if frozen is not None:
        return f"pruning is frozen since {frozen.id} is suspect; if what changed in it is right: backupjump ack {job}"
    if pull.job.keep is None:
        return f"make room there ({look}), or give the job a `keep`; the next run goes on with what has arrived"
    return f"see what could go: backupjump prune {job} --dry-run; or make room there ({look}); the next run goes on"
