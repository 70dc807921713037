"""A fresh tree for each attempt, whose files rsync links to those of snapshots and of older attempts.

rsync never runs into a tree whose inodes a snapshot shares: where a file's attributes differ it would
change them in place, in every snapshot. So what a broken-off attempt got serves the next one from
outside: as one more --link-dest, and its half-written files by a move.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from backupjump.store.attempts import begun_ns, older_attempts, write_note
from backupjump.store.gathered import gather
from backupjump.store.graft import link_moved, put_in, take_out_changed
from backupjump.store.partials import adopt_partials, keep_orphans, remove_leftovers
from backupjump.store.prepared import link_snapshot, make_source_folder, take_prepared
from backupjump.store.settled import doubt_shared, is_settled
from backupjump.store.snapshots import TREE_NAME
from backupjump.store.staging import LINKED_NAME, MAX_LINK_DESTS
from backupjump.store.tree import open_folder, remove_tree

if TYPE_CHECKING:
    from backupjump.errors import BackupjumpError
    from backupjump.store.change_list import Change
    from backupjump.store.layout import JobFolder
    from backupjump.store.record import Hashes
    from backupjump.store.snapshots import Snapshot
    from backupjump.store.staging import Staging


def useful_attempts(folder: JobFolder, base: Snapshot | None) -> tuple[Path, ...]:
    """Return the attempts that rsync can be told of beside the base, if there is one, newest first."""
    most = MAX_LINK_DESTS - (base is not None)
    begun = [attempt for attempt in older_attempts(folder) if (attempt / TREE_NAME).is_dir()]
    return tuple(begun[:most])


def begin(staging: Staging, *, run_id: str, may_list: bool = False) -> Staging:  # noqa: ARG001 (the other kind's)
    """Make the folders of an attempt, empty but for the half-written files of older ones."""
    _make_folders(staging)
    base = staging.base.id if staging.base is not None else None
    write_note(staging.path, run_id=run_id, sources=staging.sources, more={"base": base})
    made: dict[Path, int] = {}
    bases = [each.tree for each in (staging.base, staging.last_good) if each is not None]
    for attempt in staging.older:
        _drop_linked(staging.folder, attempt)
        keep_orphans(attempt / TREE_NAME, begun_ns=begun_ns(attempt))
        made |= adopt_partials(attempt / TREE_NAME, staging.tree, bases=bases)
        if not is_settled(attempt):
            doubt_shared(attempt / TREE_NAME)
    return replace(staging, made_for_partials=made)


def is_spoilt(_because: BackupjumpError | None) -> bool:
    """Say no: what a fresh tree has got, it has got."""
    return False


def ready_to_list(staging: Staging) -> None:
    """Take half-written files, and folders made for them, out of the tree; any file may be another than the base's."""
    remove_leftovers(staging.tree, staging.made_for_partials)


def seed(staging: Staging, attempt: Staging, _hashes: Hashes) -> Staging:
    """Link into a tree of its own what `attempt`, settled ones before it and the last seeding one have.

    rsync is never started in an attempt again, so the inodes stay what they are. Where the newer ones have
    something under a path the older ones don't count.
    """
    keep_orphans(attempt.tree, begun_ns=begun_ns(attempt.path))
    others = [each for each in older_attempts(staging.folder) if each != attempt.path and is_settled(each)]
    before = [staging.base.tree] if staging.base is not None else []
    trees = [attempt.tree, *(each / TREE_NAME for each in others), *before]
    staging.tree.mkdir()
    for source in staging.sources:
        gather(staging.tree, trees, source)
    made = {staging.tree / each.relative_to(attempt.tree): ns for each, ns in attempt.made_for_partials.items()}
    return replace(staging, made_for_partials=made)


def for_whole(staging: Staging, moved: Mapping[bytes, bytes]) -> None:
    """Lay ready what has moved, for rsync to link to; its tree is a fresh one in any case."""
    if staging.base is not None:
        link_moved(staging.base.tree, staging.moved, moved)


def make_way(staging: Staging, changes: Sequence[Change], moved: Mapping[bytes, bytes]) -> None:
    """Have a tree that is linked to the base, made ahead or now, without what changed or went.

    What has moved is laid ready for rsync to link to.
    """
    assert staging.base is not None
    link_moved(staging.base.tree, staging.moved, moved)
    if not take_prepared(staging.folder, staging.base, to=staging.linked):
        link_snapshot(staging.base, staging.linked)
    take_out_changed(staging.linked, changes)


def take_in(staging: Staging, _changes: Sequence[Change], wanted: Collection[bytes]) -> Collection[bytes]:
    """Bring what rsync has brought into the linked tree, which takes the place of rsync's; return as `put_in`.

    rsync's own stays whole until then: should the run be killed, the next one links to it.
    """
    ready_to_list(staging)
    sources = [os.fsencode(source.lstrip("/")) for source in staging.sources]
    came = put_in(staging.linked, staging.tree, sources, wanted=wanted)
    staging.tree.rename(staging.aside / "arrived")
    staging.linked.rename(staging.tree)
    return came


def seal(_staging: Staging) -> None:
    """Do nothing: a folder can't be frozen for its own owner."""


def _drop_linked(folder: JobFolder, attempt: Path) -> None:
    """Take away the linked tree of a broken-off attempt; where that one was killed, at once.

    It has names of files that only that attempt has got, by which these would seem to be a snapshot's.
    """
    if not (attempt / LINKED_NAME).is_dir():
        return
    if is_settled(attempt):
        (attempt / LINKED_NAME).rename(folder.trash / f"{LINKED_NAME}-{attempt.name}")
        return
    fd = open_folder(attempt, ())
    try:
        remove_tree(LINKED_NAME, folder_fd=fd)
    finally:
        os.close(fd)


def _make_folders(staging: Staging) -> None:
    staging.path.mkdir(mode=0o700)
    staging.tree.mkdir()
    for source in staging.sources:
        make_source_folder(staging.tree, source)
