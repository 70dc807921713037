"""A manifest in the making: the last one's lines for what is unchanged, and a mark for each path to look at.

The lines wait on the disk, so memory grows with the changes alone and not with the tree.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from backupjump.store.change_list import Change, source_to_keep
from backupjump.store.graft import Folders, look_up
from backupjump.store.manifest import (
    Entry,
    Source,
    Written,
    from_line,
    line_with,
    path_of,
    quoted_path,
    read_lines,
    type_mark,
    write_lines,
)
from backupjump.store.record import Listed, Recorder
from backupjump.store.snapshots import Snapshot
from backupjump.store.tree import Found

_MARK = "?"
_SECOND = 1_000_000_000
_FOLDER = type_mark("dir")
_LINK = type_mark("symlink")
# Some 10 MB.
_MOST_LINKS = 100_000


class TooManyChanges(Exception):
    """So much has changed that comparing everything is as fast."""


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What a list has come to: `changes` in a manifest's order, and the file with the other lines.

    `listed_at_ns` is when the first list began, by the Desktop's clock; all sources are counted from there. `links` are
    the paths of all symlinks that the last manifest has, None where these were too many to keep.
    """

    path: Path
    changes: tuple[Change, ...]
    listed_at_ns: int
    written: Written
    links: tuple[bytes, ...] | None = None


def write_draft(path: Path, rows: Iterable[str | Change], *, most_changes: int) -> tuple[tuple[Change, ...], Written]:
    """Write down what `compare` yields and return the changes in it, and what was written.

    TooManyChanges, with a file that means nothing, beyond `most_changes`.
    """
    changes: list[Change] = []

    def lines() -> Iterator[str]:
        for row in rows:
            if isinstance(row, str):
                yield row
            else:
                yield f"{_MARK}{len(changes)}\n"
                changes.append(row)
                if len(changes) > most_changes:
                    raise TooManyChanges

    written = write_lines(path, lines())
    return tuple(changes), written


class Links:
    """Keeps the paths of the symlinks among the lines that pass by; None for more than are kept."""

    def __init__(self, *, most: int = _MOST_LINKS) -> None:
        self._found: list[bytes] = []
        self._most = most

    def noted(self, lines: Iterable[str]) -> Iterator[str]:
        """Yield `lines` as they come."""
        for line in lines:
            if _LINK in line and len(self._found) <= self._most:
                self._found.append(path_of(line))
            yield line

    @property
    def paths(self) -> tuple[bytes, ...] | None:
        """Those that have passed by, in order."""
        return tuple(self._found) if len(self._found) <= self._most else None


class Finish:
    """Finishes a manifest from a draft, once the tree is what it is to be.

    `refreshed` are folders whose attributes came anew, listed as changed or not; of `doubtful` paths nothing is kept
    by which the next run could pass them over.
    """

    def __init__(
        self,
        draft: Draft,
        recorder: Recorder,
        tree: Path,
        *,
        refreshed: Collection[bytes] = (),
        doubtful: Collection[bytes] = (),
    ) -> None:
        self._draft = draft
        self._recorder = recorder
        self._tree = tree
        self._doubtful = doubtful
        self.absent: list[bytes] = []
        """Paths that the Desktop listed and that did not arrive, once the manifest is written."""
        changed = {change.path for change in draft.changes}
        self._refreshed = frozenset(quoted_path(path) for path in refreshed if path not in changed)

    def write(self, manifest: Path, *, base: Snapshot) -> Listed:
        """Write the manifest and return what it has come to beside `base`."""
        changes = self._draft.changes
        olds = [change.old for change in changes if change.old is not None and change.old.type == "file"]
        self._recorder.keep(base.files_total - len(olds), base.bytes_total - sum(old.size for old in olds))
        self._recorder.tally.keep_hard_links(some=base.has_hard_links)
        if changes or self._refreshed:
            written = write_lines(manifest, self._lines())
        else:
            self._draft.path.rename(manifest)  # every line is the last one's
            written = self._draft.written
        tally = self._recorder.tally
        return Listed(written=written, counts=tally.counts(), lost=self._recorder.lost(), copied_why=tally.copied_why)

    def _lines(self) -> Iterator[str]:
        refreshed, changes = self._refreshed, self._draft.changes
        with Folders(self._tree, to_change=False) as folders:
            for line in read_lines(self._draft.path):
                if line[0] == _MARK:
                    change = changes[int(line[1:])]
                    found = look_up(folders, change.path) if change.now is not None else None
                    entry = self._recorder.entry(found, change.old, change.old)
                    if entry is not None:
                        yield line_with(entry, self._source(change, found))
                    elif change.now is not None:
                        self.absent.append(change.path)
                elif refreshed and _FOLDER in line and quoted_path(path_of(line)) in refreshed:
                    yield self._anew(folders, line)
                else:
                    yield line

    def _anew(self, folders: Folders, line: str) -> str:
        old = from_line(line)
        found = look_up(folders, old.path)
        entry = self._recorder.entry(found, old, old)
        return line_with(entry, old.source) if entry is not None else line

    def _source(self, change: Change, found: Found | None) -> Source | None:
        now = change.now
        if now is None or found is None or change.path in self._doubtful:
            return None
        return source_to_keep(now, listed_at_ns=self._draft.listed_at_ns)


def moved_files(changes: Iterable[Change], *, most: int) -> dict[bytes, Entry]:
    """Return which new files were under another path before, by the new path: same inode, size and time.

    Not where a file of the same size and time is under the old path: rsync takes that one for what was there. Of more
    than `most` files that went the rest is not looked for.
    """
    gone: dict[int, Entry] = {}
    taken: set[int] = set()
    news: list[Change] = []
    for change in changes:
        old, now = change.old, change.now
        if now is not None and now.type == "file" and now.size and (old is None or old.type != "file"):
            news.append(change)
        if old is None or old.type != "file" or not old.size or old.source is None:
            continue
        ino = old.source[0]
        if now is None or now.type != "file":
            stays = False
        else:
            stays = now.dev is None and now.ino == ino
            if not stays and (now.size, now.mtime_ns // _SECOND) == (old.size, old.mtime_ns // _SECOND):
                taken.add(ino)
        if not stays and len(gone) < most:
            gone[ino] = old
    found: dict[bytes, Entry] = {}
    for change in news:
        assert change.now is not None
        was = gone.get(change.now.ino) if change.now.dev is None and change.now.ino not in taken else None
        if was is not None and (was.size, was.mtime_ns) == (change.now.size, change.now.mtime_ns):
            found[change.path] = was
    return found
