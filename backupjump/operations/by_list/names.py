"""Which of the changed paths rsync is asked for: those that the job's rules take, and on no way that a link is on.

Asked for a path by name, rsync looks at its rules for that name alone and not for the folders above it (rsync 3.5.0,
measured), so what is new below a folder that is left out would come. So rsync itself is asked first, here and without
a byte from the Desktop, about empty files and folders of these names.
"""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from backupjump.errors import ListUnusable
from backupjump.escape import shown
from backupjump.rsync.fence import leads_out
from backupjump.rsync.selection import select_names
from backupjump.store.suspicion import covered
from backupjump.store.tree import link_on_the_way

if TYPE_CHECKING:
    from backupjump.rsync.plan import Plan, Transfer
    from backupjump.store.change_list import Change
    from backupjump.store.staging import Staging

# rsync's own check of so many takes a few hundredths of a second.
FEW = 300
# From here on a name needs an inode of its own: ext4 takes 65,000 names for one.
_MOST_LINKS = 60_000


def wanted_paths(plan: Plan, changes: Sequence[Change], *, place: Path) -> Mapping[Transfer, tuple[bytes, ...]]:
    """Return the paths that are to be brought, full and in order, by the transfer that brings them.

    `place` is a folder to be made for the names that rsync is asked about. ListUnusable where it can't tell, or for a
    path beyond all sources.
    """
    here = [change for change in changes if change.now is not None]
    wanted = {}
    for one in plan.transfers:
        source = one.root.rstrip(b"/")
        mine = [change for change in here if covered(change.path, [source])]
        taken = _taken(plan, one, [change for change in mine if change.is_new], place)
        wanted[one] = tuple(each.path for each in mine if not each.is_new or taken is None or each.path in taken)
    if sum(map(len, wanted.values())) > len(here) or any(not _is_covered(each.path, plan) for each in here):
        raise ListUnusable("the Desktop's list has paths beyond the job's sources")
    return wanted


def most_names(names_total: int) -> int:
    """Return how many names rsync is asked for at most, of a tree of so many, where it looks at each that comes.

    It looks through all that it has asked for, so the time grows with the square of their number: 0.6 s for 1,500,
    where a look at all names takes 100 µs each (rsync 3.5.0, measured).
    """
    return 1_000 + 12 * math.isqrt(names_total)


def by_list(
    plan: Plan,
    wanted: Mapping[Transfer, tuple[bytes, ...]],
    *,
    place: Path,
    files_beside: int,
    unreadable: Collection[bytes] = (),
    vouched: bool = False,
) -> Plan:
    """Return `plan` for these paths alone, named in files below `place`; a source that has none is left out.

    By a path that is `unreadable` over there rsync brings nothing at all. `vouched` is as a Transfer has it.
    ListUnusable where a base has a link on the way to one: rsync would look behind it for what to link to.
    """
    transfers = []
    for at, (one, paths) in enumerate(wanted.items()):
        if not paths:
            continue
        for base in one.link_dests:
            check_no_link_on_the_way(base, (_below(one, path) for path in paths))
        names = place / f"names-{at}"
        names.write_bytes(b"".join(_below(one, path) + b"\0" for path in _without_implied(paths, unreadable)))
        transfers.append(replace(one, files_from=names, by_list=True, files_beside=files_beside, vouched=vouched))
    return replace(plan, transfers=tuple(transfers))


def before_names(plan: Plan, changes: Sequence[Change], *, place: Path, vouched: bool) -> Plan:
    """Return what `by_list` will make of `plan`, but for the names, which rsync need not know to begin.

    Some source may turn out to have none that the rules take.
    """
    here = [change.path for change in changes if change.now is not None]
    mine = [one for one in plan.transfers if any(covered(path, [one.root.rstrip(b"/")]) for path in here)]
    names = place / "names"
    return replace(plan, transfers=tuple(replace(one, files_from=names, by_list=True, vouched=vouched) for one in mine))


def may_vouch(staging: Staging, plan: Plan, *, names: int, links: Sequence[bytes] | None) -> bool:
    """Whether rsync need not look whether each name that comes was asked for; of few it may as well.

    Not in place, where it writes into the tree itself. Elsewhere `put_in` takes what is wanted and no more; but what
    comes below a link of the base rsync compares with what is behind that, which may be this Server's own files.
    `links` are the base's, None where they are not known.
    """
    assert staging.base is not None
    tree = staging.base.tree
    tops = {one: tree / one.source.lstrip("/") for one in plan.transfers}
    if names <= FEW or plan.in_place or links is None:
        return False
    if any({*staging.link_dests(one.source)} - {top} for one, top in tops.items()):
        return False
    return not any(
        leads_out(f"{tree}/{os.fsdecode(link)}", of=real)
        for one, real in ((one, os.path.realpath(top)) for one, top in tops.items())
        for link in links
        if link.startswith(one.root)
    )


def check_no_link_on_the_way(tree: Path, paths: Iterable[bytes]) -> None:
    """Raise ListUnusable where `tree` has a link on the way to one of `paths`."""
    astray = link_on_the_way(tree, _folders_of(paths))
    if astray is not None:
        raise ListUnusable(f"a link became a folder: {shown(astray, limit=200)}")


def _without_implied(paths: Sequence[bytes], unreadable: Collection[bytes]) -> Iterator[bytes]:
    """Leave out each folder right before a path within it: with a name rsync brings all folders above, attributes too.

    But the source itself, which it only makes. Of a name that is gone by then, or can't be looked at, it brings none.
    Source: rsync(1), --relative; measured.
    """
    for path, after in zip(paths, [*paths[1:], b""], strict=True):
        if path == paths[0] or after in unreadable or not after.startswith(path + b"/"):
            yield path


def _taken(plan: Plan, one: Transfer, new: Sequence[Change], place: Path) -> frozenset[bytes] | None:
    """Return which of the new paths rsync's rules take; None for all."""
    if not new or not plan.rules(one):
        return None
    tree = place / "asked"
    _make_names(tree, new)
    taken: set[bytes] = set()
    if not select_names(plan, one, tree, on_path=taken.add):
        raise ListUnusable("rsync can't tell which of the new paths its rules take")
    return frozenset(taken)


def _make_names(tree: Path, new: Iterable[Change]) -> None:
    """Make a folder for each new folder, and an empty file for all else."""
    tree.mkdir(exist_ok=True)
    first = tree.parent / "empty"
    first.touch()
    made: set[Path] = set()
    try:
        for count, change in enumerate(new):
            path = tree / os.fsdecode(change.path)
            if path.parent not in made:
                path.parent.mkdir(parents=True, exist_ok=True)
                made.add(path.parent)
            if change.now is not None and change.now.type == "dir":
                path.mkdir(exist_ok=True)
            elif count < _MOST_LINKS:
                path.hardlink_to(first)
            else:
                path.touch()
    except OSError as error:
        raise ListUnusable(f"the Desktop's list has a path that can't be made here: {error.strerror}") from error


def _is_covered(path: bytes, plan: Plan) -> bool:
    return covered(path, [one.root.rstrip(b"/") for one in plan.transfers])


def _below(one: Transfer, path: bytes) -> bytes:
    """Return a full path as rsync must be told it below its source; the source itself is a dot."""
    return path[len(one.root) :] or b"."


def _folders_of(names: Iterable[bytes]) -> Iterator[bytes]:
    last = b""
    for name in names:
        folder = name.rpartition(b"/")[0]
        if folder and folder != last:
            last = folder
            yield folder
