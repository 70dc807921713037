"""How much room a store gets back when some of its snapshots are deleted.

Hard links: a file goes with the last of its names, and its inode says how many these are. So only names are looked
at that come or go at the edges of what is to be deleted; what its manifests have in common with a neighbour that
stays is not even read. Of subvolumes btrfs itself knows which blocks are nobody else's.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from backupjump.config.models import StoreKind
from backupjump.errors import ProgramMissing
from backupjump.process import TimedOut, run
from backupjump.store.changes import differing
from backupjump.store.manifest import from_line, read_lines, type_mark
from backupjump.store.meta import META_NAME
from backupjump.store.snapshots import Snapshot

# stat(2): whatever the block size of the filesystem.
_BLOCK_BYTES = 512
_DU_SECONDS = 3600.0
# Of a line of a manifest: a quote within one of its texts has a backslash before it.
_IS_FOLDER = type_mark("dir")


@dataclass(frozen=True, kw_only=True)
class Freed:
    """How many bytes come back, None where that can't be known; `at_least`, where it can be more."""

    size_bytes: int | None
    at_least: bool = False


def freed_by(
    snapshots: Sequence[Snapshot],
    going: Collection[str],
    kind: StoreKind,
    *,
    on_progress: Callable[[], object] = lambda: None,
) -> Freed:
    """Return what deleting all of the ids `going` together gives back; `snapshots` are all whole ones, oldest first.

    Reads only. Hard links: exact to what stat(2) calls a block, folders and manifests included; kept in memory
    are the paths that changed within what goes, some 200 bytes each. Of several subvolumes it is the least that
    comes back: what they share among themselves alone is not known. `on_progress` is called after each snapshot.
    """
    if kind is StoreKind.BTRFS:
        sizes = [exclusive_bytes(each.tree) for each in snapshots if each.id in going]
        known = [size for size in sizes if size is not None]
        return Freed(size_bytes=sum(known) if len(known) == len(sizes) else None, at_least=len(sizes) > 1)
    counting = _Counting()
    for first, last in _blocks(snapshots, going):
        _count_block(counting, snapshots, first, last, on_progress)
    return Freed(size_bytes=counting.freed_bytes, at_least=counting.is_short)


def freed_alone(snapshots: Sequence[Snapshot], kind: StoreKind) -> Iterator[tuple[Snapshot, Freed]]:
    """Yield each of `snapshots` with what deleting it alone gives back, as `freed_by` does; all in one reading."""
    arrived: set[bytes] | None = None
    for at, snapshot in enumerate(snapshots, start=1):
        if kind is StoreKind.BTRFS:
            yield snapshot, freed_by([snapshot], {snapshot.id}, kind)
            continue
        counting, came = _Counting(), set[bytes]()
        for old, new in _replaced(snapshot, snapshots[at] if at < len(snapshots) else None):
            # All of the first one came with it; of a later one the rest is also the one's before it.
            if old is not None and (arrived is None or old in arrived):
                counting.ends(snapshot, old, names=1)
            if new is not None:
                came.add(new)
        counting.papers(snapshot)
        arrived = came
        yield snapshot, Freed(size_bytes=counting.freed_bytes, at_least=counting.is_short)


def exclusive_bytes(tree: Path) -> int | None:
    """Return how many bytes of data are in the subvolume `tree` alone; None where btrfs doesn't tell this user."""
    try:
        done = run(["btrfs", "filesystem", "du", "-s", "--raw", "--", str(tree)], timeout=_DU_SECONDS)
    except (ProgramMissing, TimedOut):
        return None
    return read_exclusive(done.stdout) if done.status == 0 else None


def read_exclusive(printed: bytes) -> int | None:
    """Return the second number of the last line: `Total Exclusive Set-shared Filename`. Source: btrfs-filesystem(8)."""
    words = printed.splitlines()[-1].split() if printed.strip() else []
    return int(words[1]) if len(words) > 1 and words[1].isdigit() else None


def _blocks(snapshots: Sequence[Snapshot], going: Collection[str]) -> Iterator[tuple[int, int]]:
    """Yield the first and the last index of each run of neighbours that go."""
    first: int | None = None
    for at, snapshot in enumerate(snapshots):
        if snapshot.id in going:
            first = at if first is None else first
        elif first is not None:
            yield first, at - 1
            first = None
    if first is not None:
        yield first, len(snapshots) - 1


class _Counting:
    """Counts the names that go of each inode; when they are all it has, its blocks come back."""

    def __init__(self) -> None:
        self.freed_bytes = 0
        self.is_short = False
        # Of inodes that have other names than those seen so far.
        self._names: dict[int, int] = {}

    def ends(self, snapshot: Snapshot, path: bytes, *, names: int) -> None:
        """Count `names` names of what is at `path` in the tree of `snapshot`, one in each of as many neighbours."""
        try:
            status = os.lstat(os.fsencode(snapshot.tree) + b"/" + path)
        except OSError:
            self.is_short = True
            return
        seen = self._names.pop(status.st_ino, 0) + names
        if seen >= status.st_nlink:
            self.freed_bytes += status.st_blocks * _BLOCK_BYTES
        else:
            self._names[status.st_ino] = seen

    def papers(self, snapshot: Snapshot) -> None:
        """Count what no two snapshots share: the folders, the manifest, meta.json."""
        tree = os.fsencode(snapshot.tree)
        sources = {os.fsencode(source.strip("/")) for source in snapshot.sources if source != "/"}
        above = {b"/".join(source.split(b"/")[:depth]) for source in sources for depth in range(source.count(b"/") + 1)}
        inside = (from_line(line).path for line in _lines(snapshot) if _IS_FOLDER in line)
        papers = (os.fsencode(each) for each in (snapshot.path, snapshot.manifest, snapshot.path / META_NAME))
        for place in chain(papers, (tree + b"/" + path for path in chain(above, inside))):
            try:
                self.freed_bytes += os.lstat(place).st_blocks * _BLOCK_BYTES
            except OSError:
                self.is_short = True


def _count_block(
    counting: _Counting, snapshots: Sequence[Snapshot], first: int, last: int, on_progress: Callable[[], object]
) -> None:
    """Count what goes with the neighbours `first` to `last`.

    A path that has one inode from one of them to another is looked at once, when it ends. What was there before
    `first` is not looked at: a neighbour that stays has it, and so is what stays in the one after `last`.
    """
    arrived: dict[bytes, int] = {}
    for at in range(first, last + 2):
        before = snapshots[at - 1] if at > 0 else None
        after = snapshots[at] if at < len(snapshots) else None
        for old, new in _replaced(before, after) if before is not None else ():
            if old is not None and before is not None and at > first:
                since = arrived.pop(old, 0 if first == 0 else None)
                if since is not None:
                    counting.ends(before, old, names=at - since)
            if new is not None and at <= last:
                arrived[new] = at
        if after is not None and at <= last:
            counting.papers(after)
            on_progress()


def _replaced(before: Snapshot, after: Snapshot | None) -> Iterator[tuple[bytes | None, bytes | None]]:
    """Yield the paths of what `before` has and `after` does not, and the other way round; folders are left out."""
    for old, new in differing(_lines(before), _lines(after)):
        if old is None or new is None or old.ino != new.ino:
            was = old.path if old is not None and old.type != "dir" else None
            yield was, new.path if new is not None and new.type != "dir" else None


def _lines(snapshot: Snapshot | None) -> Iterator[str]:
    return read_lines(snapshot.manifest) if snapshot is not None else iter(())
