"""What a fresh tree has lost beside the last good snapshot, and from where on that makes a run suspect. Pure.

Files that somebody encrypts, overwrites or deletes come in like any others: rsync has nothing to say of
them. So regular files are counted whose content is there no more, neither at its path nor at a new one.
What has only moved, or got another mode, owner or time, has lost nothing.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass

import xxhash

from backupjump.config.models import Gates
from backupjump.store.manifest import Entry

# A few first runs change much: excludes are found, the large folders come last.
ARMED_AFTER = 3
# Of fewer files a share says nothing.
FEW_FILES = 200


@dataclass(frozen=True, kw_only=True)
class Lost:
    """What became of the regular files of the last good snapshot, `files_before` of them, by `files_now` now.

    `changed`: the path is there, the content is not; `deleted`: neither.
    """

    files_before: int
    files_now: int
    changed: int = 0
    deleted: int = 0


class Comparison:
    """Counts what a tree has lost while both are read side by side, path by path.

    A file that went and one that came with the same content are one that moved, each of them once. Where
    the two hashes are of different algorithms, size and time stand for the content. Kept of each such file
    are 16 bytes, so a million of them stay in memory.
    """

    def __init__(self) -> None:
        self._files_now = 0
        self._kept = 0
        self._arrived: defaultdict[str, _Contents] = defaultdict(_Contents)
        self._changed: defaultdict[str, _Contents] = defaultdict(_Contents)
        self._deleted: defaultdict[str, _Contents] = defaultdict(_Contents)

    def keep_file(self) -> None:
        """Count a regular file that is what it was."""
        self.keep_files(1)

    def keep_files(self, count: int) -> None:
        """Count so many regular files that are what they were."""
        self._files_now += count
        self._kept += count

    def see(self, entry: Entry | None, old: Entry | None) -> None:
        """Count what is under a path now and what was there; None where there is nothing."""
        now = entry if entry is not None and entry.type == "file" else None
        was = old if old is not None and old.type == "file" else None
        if now is not None and was is not None and same_content(now, was):
            return self.keep_file()
        if now is not None:
            self._files_now += 1
            self._arrived[_algorithm(now)].add(now)
        if was is not None:
            (self._deleted if now is None else self._changed)[_algorithm(was)].add(was)
        return None

    def lost(self) -> Lost:
        """Return what was counted, once all paths were seen."""
        moves = _Moves(self._arrived)
        # What is still there under its own name is a change at most, so what is gone has the first choice.
        deleted = sum(len(gone) - moves.of(gone, name) for name, gone in self._deleted.items())
        changed = sum(len(gone) - moves.of(gone, name) for name, gone in self._changed.items())
        gone_total = sum(len(each) for part in (self._deleted, self._changed) for each in part.values())
        return Lost(files_before=self._kept + gone_total, files_now=self._files_now, changed=changed, deleted=deleted)


def suspicion(lost: Lost, gates: Gates, *, good_runs: int, files_before: int, since: str) -> str | None:
    """Return why a tree is suspect, with numbers; None when it is not, or before the third good run.

    `since` names the last good snapshot, `files_before` is how many regular files it had in all.
    """
    if good_runs < ARMED_AFTER:
        return None
    reasons = []
    # A job that had as few before, and whose person said that it is right, is not asked about again.
    if lost.files_now < min(gates.min_files, files_before):
        reasons.append(f"{lost.files_now:,} files are left (min_files is {gates.min_files:,})")
    for count, limit, what, key in (
        (lost.deleted, gates.max_deleted, "are gone", "max_deleted"),
        (lost.changed, gates.max_changed, "have another content", "max_changed"),
    ):
        if lost.files_before > FEW_FILES and count > limit * lost.files_before:
            share = f"{_percent(count / lost.files_before)}; {key} is {_percent(limit)}"
            reasons.append(f"{count:,} of {lost.files_before:,} files {what} ({share})")
    return f"compared with {since}, the last good snapshot: {', '.join(reasons)}" if reasons else None


def same_content(entry: Entry, old: Entry) -> bool:
    """Whether two regular files have the same content; without comparable hashes size and time say so."""
    if entry.hash and old.hash and _algorithm(entry) == _algorithm(old):
        return entry.hash == old.hash
    return (entry.size, entry.mtime_ns) == (old.size, old.mtime_ns)


def covered(path: bytes, sources: Iterable[bytes]) -> bool:
    """Whether a path is one of `sources` or below one; both without leading slash."""
    return any(not source or path == source or path.startswith(source + b"/") for source in sources)


class Paths:
    """A set of many paths, 8 bytes each. With a million, one path in 10^13 that is not among them seems to be."""

    def __init__(self) -> None:
        self._digests = array("Q")
        self._is_sorted = True

    def add(self, path: bytes) -> None:
        """Put a path into it."""
        self._digests.append(xxhash.xxh3_64_intdigest(path))
        self._is_sorted = False

    def __contains__(self, path: bytes) -> bool:
        if not self._is_sorted:
            self._digests, self._is_sorted = _sorted(self._digests), True
        digest = xxhash.xxh3_64_intdigest(path)
        at = bisect_left(self._digests, digest)
        return at < len(self._digests) and self._digests[at] == digest


class _Contents:
    """Digests of the contents of files, and of their sizes and times, in the same order."""

    def __init__(self) -> None:
        self.contents = array("Q")
        self.times = array("Q")

    def __len__(self) -> int:
        return len(self.times)

    def add(self, entry: Entry) -> None:
        self.contents.append(xxhash.xxh3_64_intdigest((entry.hash or "").encode("ascii", "replace")))
        self.times.append(xxhash.xxh3_64_intdigest(b"%d %d" % (entry.size, entry.mtime_ns)))


class _Moves:
    """Pairs files that are gone with files that came."""

    def __init__(self, arrived: dict[str, _Contents]) -> None:
        self._arrived = arrived
        self._contents: dict[str, array[int]] = {}
        self._times: array[int] | None = None
        self._left = sum(len(each) for each in arrived.values())

    def of(self, gone: _Contents, algorithm: str) -> int:
        """Return how many of `gone` have come back under another name."""
        if not self._left:
            return 0
        if algorithm and algorithm in self._arrived:
            came = self._contents.pop(algorithm, None) or _sorted(self._arrived[algorithm].contents)
            pairs, self._contents[algorithm] = _pair(_sorted(gone.contents), came)
        else:
            if self._times is None:
                self._times = _sorted(array("Q", (time for each in self._arrived.values() for time in each.times)))
            pairs, self._times = _pair(_sorted(gone.times), self._times)
        # One that came may have been found by its content already.
        pairs = min(pairs, self._left)
        self._left -= pairs
        return pairs


def _pair(gone: Collection[int], came: array[int]) -> tuple[int, array[int]]:
    """Return how many of `gone` are in `came`, each of which serves once, and what is left of it; both are sorted."""
    left = array("Q")
    at = pairs = 0
    for digest in gone:
        while at < len(came) and came[at] < digest:
            left.append(came[at])
            at += 1
        if at < len(came) and came[at] == digest:
            at += 1
            pairs += 1
    left.extend(came[at:])
    return pairs, left


def _sorted(digests: array[int]) -> array[int]:
    return array("Q", sorted(digests))


def _algorithm(entry: Entry) -> str:
    return entry.hash.partition(":")[0] if entry.hash else ""


def _percent(share: float) -> str:
    return f"{100 * share:.1f}".removesuffix(".0") + " %"
