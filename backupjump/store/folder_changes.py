"""Where two snapshots differ: how many files of each folder are new, changed or gone. Constant memory."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from backupjump.store.abreast import abreast
from backupjump.store.changes import Change
from backupjump.store.manifest import Entry
from backupjump.store.suspicion import covered, same_content

_FOLDERS = 10
_EXAMPLES = 3


@dataclass(frozen=True, kw_only=True)
class FolderChanges:
    """How many names right in one folder are new, have another content, or are gone, and what else became of others.

    `grown_bytes`: how much more content the new and changed ones are than what was there and the deleted ones.
    """

    path: bytes
    new: int = 0
    changed: int = 0
    deleted: int = 0
    metadata: int = 0
    type: int = 0
    moved: int = 0
    grown_bytes: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.new + self.changed + self.deleted + self.metadata + self.type + self.moved


@dataclass(frozen=True, kw_only=True)
class Example:
    """One file that is `new`, `changed` or `deleted`; the path has no leading slash."""

    what: str
    path: bytes


@dataclass(frozen=True, kw_only=True)
class Changes:
    """All changes in numbers, the folders with the most of them first, and a few files of each kind."""

    new: int
    changed: int
    deleted: int
    folders: tuple[FolderChanges, ...]
    examples: tuple[Example, ...]
    metadata: int = 0
    type: int = 0
    moved: int = 0
    grown_bytes: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.new + self.changed + self.deleted + self.metadata + self.type + self.moved


def changes_between(before: Iterable[Entry], after: Iterable[Entry]) -> Changes:
    """Compare the files of two manifests: what moved is gone here and new there, another owner or mode is no change."""
    tally = _Tally()
    for entry, old in abreast(after, before, left_path=lambda each: each.path):
        there = entry or old
        assert there is not None
        tally.see(there.path, _what(entry, old))
    return tally.changes()


def summed(changes: Iterable[Change]) -> Changes:
    """Return the numbers of `changes`, which are in a manifest's order; whatever they are of counts, folders too."""
    tally = _Tally()
    for change in changes:
        tally.see(change.path, change.what, grown_bytes=change.grown_bytes)
    return tally.changes()


def _what(entry: Entry | None, old: Entry | None) -> str:
    now = entry if entry is not None and entry.type == "file" else None
    was = old if old is not None and old.type == "file" else None
    if now is not None and was is not None:
        return "" if same_content(now, was) else "changed"
    return "new" if now is not None else "deleted" if was is not None else ""


@dataclass
class _Folder:
    path: bytes
    counts: Counter[str] = field(default_factory=Counter)


class _Tally:
    """Counts by folder. Depth-first order means that a folder that was left never comes again."""

    def __init__(self) -> None:
        self._open: list[_Folder] = []
        self._most: list[tuple[int, bytes, FolderChanges]] = []
        self._total = Counter(new=0, changed=0, deleted=0)
        self._examples: dict[str, list[Example]] = {"deleted": [], "changed": [], "new": []}

    def see(self, path: bytes, what: str, *, grown_bytes: int = 0) -> None:
        folder = path.rpartition(b"/")[0]
        while self._open and not covered(folder, [self._open[-1].path]):
            self._close()
        if what:
            if not self._open or self._open[-1].path != folder:
                self._open.append(_Folder(folder))
            for counts in (self._open[-1].counts, self._total):
                counts[what] += 1
                counts["grown_bytes"] += grown_bytes
            examples = self._examples.get(what)
            if examples is not None and len(examples) < _EXAMPLES:
                examples.append(Example(what=what, path=path))

    def changes(self) -> Changes:
        while self._open:
            self._close()
        folders = sorted((each for _total, _path, each in self._most), key=lambda each: (-each.total, each.path))
        examples = tuple(example for each in self._examples.values() for example in each)
        return Changes(**self._total, folders=tuple(folders), examples=examples)

    def _close(self) -> None:
        folder = self._open.pop()
        closed = FolderChanges(path=folder.path, **folder.counts)
        keep = heapq.heappush if len(self._most) < _FOLDERS else heapq.heappushpop
        keep(self._most, (closed.total, folder.path, closed))
