"""Compare a fresh tree with the snapshot it was built on: its manifest, and what is new, changed, gone.

Both are read once, side by side, and with them the last good snapshot where that is another one. A file that
still is an inode of theirs is not read at all: rsync linked it, and all that their manifest says of it holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from backupjump.run import Counts
from backupjump.store.abreast import Row, entries_of, side_by_side, three_abreast
from backupjump.store.inode import hash_content, read_entry
from backupjump.store.manifest import Entry, Written, sort_key, to_line, write_lines
from backupjump.store.seen import Seen
from backupjump.store.settled import confirmed
from backupjump.store.snapshots import Snapshot
from backupjump.store.suspicion import Comparison, Lost, covered
from backupjump.store.tally import Tally
from backupjump.store.tree import Found, walk


class Hashes(Protocol):
    """What tells the hash of a file's content by its path, with its algorithm: a dict, or what rsync told."""

    def get(self, path: bytes, /) -> str | None:
        """Return the hash, None when it is not known."""


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A tree's manifest, and what comparing it has shown.

    `lost` is what is gone since the last good snapshot, None without one whose manifest is whole.
    `copied_why` says what mostly differed in files that were stored again with the same content.
    """

    written: Written
    counts: Counts
    lost: Lost | None = None
    copied_why: str = ""


def record_tree(
    tree: Path,
    manifest: Path,
    *,
    sources: Iterable[bytes],
    base: Snapshot | None,
    last_good: Snapshot | None,
    hashes: Hashes,
    fake_super: bool,
    touched_since_ns: int | None = None,
    seen: Seen | None = None,
) -> Listed:
    """Write the manifest of all `sources` below `tree` and return it with the counts against `base`.

    `hashes` are rsync's own, by path, of what it transferred. What `last_good` has of folders that are no
    sources any more is not counted as lost. `touched_since_ns` is of a tree that was the base's own when it
    was made, inodes and all: what has this ctime or a younger one is read again. `seen` is the Desktop's list.
    """
    in_order = sorted(sources, key=sort_key)
    found = (each for source in in_order for each in confirmed(walk(tree, source)))
    before = entries_of(base)
    rows: Iterator[Row]
    if last_good is None or (base is not None and last_good.id == base.id):
        good = before
        rows = ((here, old, old) for here, old in side_by_side(found, before or ()))
    else:
        good = entries_of(last_good)
        rows = three_abreast(side_by_side(found, before or ()), good or ())
    recorder = Recorder(
        hashes=hashes,
        fake_super=fake_super,
        base_is_whole=all(each is None or not (each.damaged or each.problem) for each in (base, last_good)),
        sources=in_order,
        comparison=Comparison() if last_good is not None and good is not None else None,
        touched_since_ns=touched_since_ns,
    )
    entries = recorder.entries(rows)
    written = write_lines(manifest, seen.lines(entries) if seen is not None else map(to_line, entries))
    tally = recorder.tally
    return Listed(written=written, counts=tally.counts(), lost=recorder.lost(), copied_why=tally.copied_why)


class Recorder:
    """Makes the entries of a manifest one by one; they are counted and compared on the way.

    `moved` has, by inode in the store, what the base has under another path.
    """

    def __init__(
        self,
        *,
        hashes: Hashes,
        fake_super: bool,
        base_is_whole: bool,
        sources: Sequence[bytes],
        comparison: Comparison | None,
        touched_since_ns: int | None,
        moved: Mapping[int, Entry] = {},
    ) -> None:
        self._moved = moved
        self._touched_since_ns = touched_since_ns
        self._comparison = comparison
        self._sources = sources
        self._hashes = hashes
        self._fake_super = fake_super
        self._base_is_whole = base_is_whole
        self.tally = Tally(in_place=touched_since_ns is not None)
        # Of inodes with several names, so that each is read once.
        self._new_hashes: dict[int, str] = {}

    def entries(self, rows: Iterable[Row]) -> Iterator[Entry]:
        """Yield an entry for each name that is in the tree; a row has the tree's, the base's, the last good one's."""
        for found, old, good in rows:
            if (entry := self.entry(found, old, good)) is not None:
                yield entry

    def entry(self, found: Found | None, old: Entry | None, good: Entry | None) -> Entry | None:
        """Return the entry for what the tree has under a path, None where it has nothing; counted it is in any case."""
        if found is None:
            self.tally.deleted(old)
            self._compare(None, good)
            return None
        entry = self._linked_entry(found, old, good)
        if entry is None:
            entry = self._read(found, old, good)
            self.tally.read(entry, old, links=found.status.st_nlink)
        else:
            self.tally.linked(entry, old, links=found.status.st_nlink)
        self._compare(entry, good)
        return entry

    def keep(self, files: int, size_bytes: int) -> None:
        """Count so many regular files of the base that are what and where they were, without a look at each."""
        self.tally.keep(files, size_bytes)
        if self._comparison is not None:
            self._comparison.keep_files(files)

    def lost(self) -> Lost | None:
        """Return what is gone since the last good snapshot; None where there was nothing to compare with."""
        return self._comparison.lost() if self._comparison is not None else None

    def _compare(self, entry: Entry | None, good: Entry | None) -> None:
        if self._comparison is None:
            return
        if entry is not None and entry is good:
            if entry.type == "file":
                self._comparison.keep_file()
        elif entry is not None or (good is not None and covered(good.path, self._sources)):
            self._comparison.see(entry, good)

    def _linked_entry(self, found: Found, old: Entry | None, good: Entry | None) -> Entry | None:
        """Return what the base's manifest, or the last good one's, says of the very inode that `found` is."""
        if old is not None and self._is_linked(found, old):
            return old
        if self._touched_since_ns is not None:
            return None
        if (moved := self._moved.get(found.status.st_ino)) is not None and self._is_linked(found, moved):
            return replace(moved, path=found.path)
        return good if good is not None and good is not old and self._is_linked(found, good) else None

    def _is_linked(self, found: Found, old: Entry) -> bool:
        """Whether `found` is the inode that the base's manifest describes, untouched since."""
        status = found.status
        if self._touched_since_ns is not None and status.st_ctime_ns >= self._touched_since_ns:
            # Changed in place it keeps its inode, and where only xattrs changed its size and mtime too.
            return False
        same = (status.st_ino, status.st_mtime_ns) == (old.ino, old.mtime_ns)
        if found.is_folder or old.type == "dir" or not same:
            return False
        if old.type in ("file", "symlink") and status.st_size != old.size:
            return False
        owner = (status.st_mode & 0o7777, status.st_uid, status.st_gid)
        return self._fake_super or old.type == "symlink" or owner == (old.mode, old.uid, old.gid)

    def _read(self, found: Found, old: Entry | None, good: Entry | None) -> Entry:
        entry = read_entry(found, fake_super=self._fake_super)
        return entry.with_hash(self._hash(found, entry, old, good)) if entry.type == "file" else entry

    def _hash(self, found: Found, entry: Entry, old: Entry | None, good: Entry | None) -> str | None:
        known = self._hashes.get(entry.path) or self._new_hashes.get(entry.ino)
        if known is None and self._base_is_whole:
            # Attributes changed, so rsync copied the base's file, or it links to an attempt's copy of it.
            same = (each.hash for each in (old, good) if each is not None and _looks_the_same(entry, each))
            known = next(same, None)
        known = known or hash_content(found)
        if known is not None and found.status.st_nlink > 1:
            self._new_hashes[entry.ino] = known
        return known


def _looks_the_same(entry: Entry, old: Entry) -> bool:
    """Whether rsync took the two for one file: its quick check compares size and time."""
    return old.type == "file" and (entry.size, entry.mtime_ns) == (old.size, old.mtime_ns)
