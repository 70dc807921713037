"""Which of the changed paths rsync is asked for: those that the job's rules take, and on no way that a link is on.

Asked for a path by name, rsync looks at its rules for that name alone and not for the folders above it (rsync 3.5.0,
measured), so what is new below a folder that is left out would come. So rsync itself is asked first, here and without
a byte from the Desktop, about empty files and folders of these names.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from backupjump.errors import ListUnusable
from backupjump.escape import shown
from backupjump.rsync.fence import leads_out
from backupjump.rsync.selection import select_names
from backupjump.store.manifest import sort_key
from backupjump.store.suspicion import covered
from backupjump.store.tree import link_on_the_way

if TYPE_CHECKING:
    from backupjump.rsync.plan import Plan, Transfer
    from backupjump.store.change_list import Change
    from backupjump.store.staging import Staging

# rsync's own check of so many takes a few hundredths of a second.
FEW = 300
# It looks through all that it has asked for at each name that comes: 0.6 s for so many, and four times as much for
# twice as many; so several rsyncs share more, each of which takes half a second to begin (rsync 3.5.0, measured).
AT_ONCE = 1_500
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

    So each takes 0.7 ms, where a look at all names takes 0.1 ms for each of them (rsync 3.5.0, measured).
    """
    return 1_000 + names_total // 8


def by_list(
    plan: Plan,
    wanted: Mapping[Transfer, tuple[bytes, ...]],
    *,
    place: Path,
    files_beside: int,
    unreadable: Collection[bytes] = (),
    linked: Collection[bytes] = (),
    vouched: bool = False,
) -> Plan:
    """Return `plan` for these paths alone, named in files below `place`; a source that has none is left out.

    By a path that is `unreadable` over there rsync brings nothing at all. `linked` are those that may be names of one
    file, for one rsync to bring. `vouched` is as a Transfer has it; where it is not, several transfers share many.
    ListUnusable where a base has a link on the way to one: rsync would look behind it for what to link to.
    """
    transfers: list[Transfer] = []
    for one, paths in wanted.items():
        for base in one.link_dests:
            check_no_link_on_the_way(base, (_below(one, path) for path in paths))
        for share in shares(paths, linked, most=len(paths) if vouched else AT_ONCE):
            names = place / f"names-{len(transfers)}"
            names.write_bytes(b"".join(_below(one, path) + b"\0" for path in _without_implied(share, unreadable)))
            beside = files_beside + len(paths) - len(share)
            transfers.append(replace(one, files_from=names, by_list=True, files_beside=beside, vouched=vouched))
    return replace(plan, transfers=tuple(transfers))


def shares(paths: Sequence[bytes], linked: Collection[bytes], *, most: int) -> Iterator[Sequence[bytes]]:
    """Yield `paths`, which are in a manifest's order, in shares of at most so many, each in that order.

    Those that are `linked` are all in the first one, however many they are.
    """
    if len(paths) <= most:
        yield from [paths] if paths else []
        return
    together, others = [each for each in paths if each in linked], [each for each in paths if each not in linked]
    if together:
        room = max(0, most - len(together))
        yield sorted([*together, *others[:room]], key=sort_key)
        others = others[room:]
    yield from (others[at : at + most] for at in range(0, len(others), most))


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
