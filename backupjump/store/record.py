"""Compare a fresh tree with the snapshot it was built on: its manifest, and what is new, changed, gone.

Both are read once, side by side. A file that still is the base's inode is not read at all: rsync linked
it, and everything that the base's manifest says of it still holds.
"""

from __future__ import annotations

import logging
from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from backupjump.run import Counts
from backupjump.store.inode import hash_content, read_entry
from backupjump.store.manifest import Entry, Written, read_manifest, sha256_of, sort_key, write_manifest
from backupjump.store.snapshots import Snapshot
from backupjump.store.tree import Found, walk

log = logging.getLogger(__name__)


def record_tree(
    tree: Path,
    manifest: Path,
    *,
    sources: Iterable[bytes],
    base: Snapshot | None,
    hashes: Mapping[bytes, str],
    fake_super: bool,
) -> tuple[Written, Counts]:
    """Write the manifest of all `sources` below `tree` and return it with the counts against `base`.

    `hashes` are rsync's own, by path, of what it transferred.
    """
    found = (each for source in sorted(sources, key=sort_key) for each in walk(tree, source))
    recorder = _Recorder(hashes=hashes, fake_super=fake_super, base_is_whole=base is None or not base.damaged)
    written = write_manifest(manifest, recorder.entries(side_by_side(found, entries_of(base))))
    return written, recorder.counts()


def entries_of(base: Snapshot | None) -> Iterator[Entry]:
    """Return the entries of a base; none, and a word in the log, when its manifest is not the one that was written."""
    if base is None:
        return iter(())
    try:
        whole = sha256_of(base.manifest) == base.manifest_sha256
    except OSError:
        whole = False
    if not whole:
        log.warning("the manifest of %s is damaged: every file is read again and counted as new", base.id)
        return iter(())
    return read_manifest(base.manifest)


def side_by_side(found: Iterable[Found], entries: Iterable[Entry]) -> Iterator[tuple[Found | None, Entry | None]]:
    """Yield what the tree has and what the base had under each path, in a manifest's order; None where one lacks it."""
    tree, base = iter(found), iter(entries)
    here, there = next(tree, None), next(base, None)
    while here is not None or there is not None:
        here_key = sort_key(here.path) if here is not None else None
        there_key = sort_key(there.path) if there is not None else None
        if there_key is None or (here_key is not None and here_key < there_key):
            yield here, None
            here = next(tree, None)
        elif here_key is None or there_key < here_key:
            yield None, there
            there = next(base, None)
        else:
            yield here, there
            here, there = next(tree, None), next(base, None)


class _Recorder:
    """Makes the entries of a manifest one by one and counts on the way."""

    def __init__(self, *, hashes: Mapping[bytes, str], fake_super: bool, base_is_whole: bool = True) -> None:
        self._hashes = hashes
        self._fake_super = fake_super
        self._base_is_whole = base_is_whole
        self._tally = dict.fromkeys(Counts.__dataclass_fields__, 0)
        # For inodes with several names: which the base has (8 bytes each, there may be millions), and of
        # the others size and hash, so that each is counted and read once.
        self._linked = array("Q")
        self._new_sizes: dict[int, int] = {}
        self._new_hashes: dict[int, str] = {}

    def entries(self, pairs: Iterable[tuple[Found | None, Entry | None]]) -> Iterator[Entry]:
        """Yield an entry for each name that is in the tree."""
        for found, old in pairs:
            if found is None:
                self._tally["files_deleted"] += _is_file(old)
                continue
            if old is not None and self._is_linked(found, old):
                entry = old
                self._count_linked(entry)
            else:
                entry = self._read(found, old)
                self._count_read(found, entry, old)
            yield entry

    def counts(self) -> Counts:
        """Return the counts of what went through `entries`."""
        for ino in self._linked:
            self._new_sizes.pop(ino, None)
        new_bytes = self._tally["bytes_new"] + sum(self._new_sizes.values())
        return Counts(**{**self._tally, "bytes_new": new_bytes})

    def _is_linked(self, found: Found, old: Entry) -> bool:
        """Whether `found` is the inode that the base's manifest describes, untouched since."""
        status = found.status
        same = (status.st_ino, status.st_mtime_ns) == (old.ino, old.mtime_ns)
        if found.is_folder or old.type == "dir" or not same:
            return False
        if old.type in ("file", "symlink") and status.st_size != old.size:
            return False
        owner = (status.st_mode & 0o7777, status.st_uid, status.st_gid)
        return self._fake_super or old.type == "symlink" or owner == (old.mode, old.uid, old.gid)

    def _read(self, found: Found, old: Entry | None) -> Entry:
        entry = read_entry(found, fake_super=self._fake_super)
        return replace(entry, hash=self._hash(found, entry, old)) if entry.type == "file" else entry

    def _hash(self, found: Found, entry: Entry, old: Entry | None) -> str | None:
        known = self._hashes.get(entry.path) or self._new_hashes.get(entry.ino)
        if known is None and old is not None and self._base_is_whole and _same_content(entry, old):
            # Attributes changed, so rsync copied the base's file, or it links to an attempt's copy of it.
            known = old.hash
        known = known or hash_content(found)
        if known is not None and found.status.st_nlink > 1:
            self._new_hashes[entry.ino] = known
        return known

    def _count_linked(self, entry: Entry) -> None:
        if entry.type == "file":
            self._linked.append(entry.ino)
            self._tally["files_total"] += 1
            self._tally["bytes_total"] += entry.size
            self._tally["files_linked"] += 1

    def _count_read(self, found: Found, entry: Entry, old: Entry | None) -> None:
        was_file = _is_file(old)
        if entry.type != "file":
            self._tally["files_deleted"] += was_file
            return
        self._tally["files_total"] += 1
        self._tally["bytes_total"] += entry.size
        self._tally["files_new"] += not was_file
        self._tally["files_changed"] += old is not None and was_file and _differ(entry, old)
        if found.status.st_nlink > 1:
            self._new_sizes[entry.ino] = entry.size
        else:
            self._tally["bytes_new"] += entry.size


def _is_file(entry: Entry | None) -> bool:
    return entry is not None and entry.type == "file"


def _same_content(entry: Entry, old: Entry) -> bool:
    """Whether rsync took the two for one file: its quick check compares size and time."""
    return old.type == "file" and (entry.size, entry.mtime_ns) == (old.size, old.mtime_ns)


def _differ(entry: Entry, old: Entry) -> bool:
    """Whether content or metadata differ; hashes of different algorithms can't tell."""
    comparable = entry.hash and old.hash and entry.hash.partition(":")[0] == old.hash.partition(":")[0]
    return replace(entry, ino=old.ino, hash=entry.hash if comparable else old.hash) != old
