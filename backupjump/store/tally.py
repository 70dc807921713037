"""Count what a fresh tree has beside its base: files and bytes that are new, changed, gone, linked, copied. Pure."""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import replace

from backupjump.run import Counts
from backupjump.store.manifest import Entry
from backupjump.store.suspicion import same_content


class Tally:
    """Counts entry by entry. `in_place`: the tree was a copy of the base; what kept its content shares its blocks."""

    def __init__(self, *, in_place: bool) -> None:
        self._in_place = in_place
        self._counts = dict.fromkeys(Counts.__dataclass_fields__, 0)
        self._copied_bytes: Counter[str] = Counter()
        # For inodes with several names: which an older snapshot has (8 bytes each, there may be millions), and
        # the sizes of the others, so that each counts once.
        self._linked = array("Q")
        self._new_sizes: dict[int, int] = {}

    def deleted(self, old: Entry | None) -> None:
        """Count a path that the tree does not have."""
        self._counts["files_deleted"] += _is_file(old)

    def keep(self, files: int, size_bytes: int) -> None:
        """Count regular files of the base that are there as they were."""
        for name in ("files_total", "files_linked"):
            self._counts[name] += files
        for name in ("bytes_total", "bytes_linked"):
            self._counts[name] += size_bytes

    def keep_hard_links(self, *, some: bool) -> None:
        """Count at least one name of several for a file, in a tree that was not looked at whole, if it had some."""
        if self._in_place:
            self._counts["hard_linked_names"] += some

    def linked(self, entry: Entry, old: Entry | None, *, links: int) -> None:
        """Count an inode of an older snapshot, the base or the last good one; `old` is what the base has there."""
        self._count_name(entry, links=links)
        if entry.type == "file":
            self._linked.append(entry.ino)
            self._counts["files_linked"] += 1
            self._counts["bytes_linked"] += entry.size
        if entry is not old:
            self._count_file(entry, old)
        elif entry.type == "file":
            self._counts["files_total"] += 1
            self._counts["bytes_total"] += entry.size

    def read(self, entry: Entry, old: Entry | None, *, links: int) -> None:
        """Count an inode that no older snapshot is known to have."""
        self._count_name(entry, links=links)
        self._count_file(entry, old)
        if entry.type != "file":
            return
        kept = old is not None and old.type == "file" and same_content(entry, old)
        if kept and self._in_place:
            # Whatever else changed, and under whichever inode: its blocks are the base's.
            self._counts["files_linked"] += 1
            self._counts["bytes_linked"] += entry.size
            return
        if kept and old is not None and entry.ino != old.ino:
            self._count_copied(entry, old)
        if links > 1:
            self._new_sizes[entry.ino] = entry.size
        else:
            self._counts["bytes_new"] += entry.size

    def counts(self) -> Counts:
        """Return the counts, once all entries were seen."""
        for ino in self._linked:
            self._new_sizes.pop(ino, None)
        new_bytes = self._counts["bytes_new"] + sum(self._new_sizes.values())
        return Counts(**{**self._counts, "bytes_new": new_bytes})

    @property
    def copied_why(self) -> str:
        """What differs in most of the bytes that were stored again with the same content; empty for none."""
        return max(self._copied_bytes, key=self._copied_bytes.__getitem__, default="")

    def _count_name(self, entry: Entry, *, links: int) -> None:
        if self._in_place and entry.type != "dir":
            self._counts["hard_linked_names"] += links > 1

    def _count_file(self, entry: Entry, old: Entry | None) -> None:
        was_file = _is_file(old)
        if entry.type != "file":
            self._counts["files_deleted"] += was_file
            return
        self._counts["files_total"] += 1
        self._counts["bytes_total"] += entry.size
        self._counts["files_new"] += not was_file
        self._counts["files_changed"] += old is not None and was_file and _differ(entry, old)

    def _count_copied(self, entry: Entry, old: Entry) -> None:
        size = 0 if entry.ino in self._new_sizes else entry.size
        self._counts["files_copied"] += 1
        self._counts["bytes_copied"] += size
        self._copied_bytes[_difference(entry, old)] += size


def _is_file(entry: Entry | None) -> bool:
    return entry is not None and entry.type == "file"


def _differ(entry: Entry, old: Entry) -> bool:
    """Whether content or metadata differ; hashes of different algorithms can't tell."""
    comparable = entry.hash and old.hash and entry.hash.partition(":")[0] == old.hash.partition(":")[0]
    return replace(entry, ino=old.ino, hash=entry.hash if comparable else old.hash) != old


def _difference(entry: Entry, old: Entry) -> str:
    """Say what differs in two files of the same content, first what rsync can't link for."""
    if (entry.uid, entry.gid) != (old.uid, old.gid):
        return "owner"
    if entry.mode != old.mode:
        return "mode"
    if entry.xattrs != old.xattrs:
        return "attributes"
    return "time" if entry.mtime_ns != old.mtime_ns else "nothing"
