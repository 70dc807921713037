"""Compare a Desktop's list of its files with the last manifest, both read once side by side: what differs. Pure.

What is equal in all fields, inode and ctime included, is unchanged: an edit can give a file back its time, not its
ctime. A line of which all that is equal as text is not even read. So most of a tree passes by as lines of the
manifest, and only what differs is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from backupjump.store.manifest import Entry, Source, from_line, path_of, sort_key
from backupjump.store.source_entry import SOURCE_KEY, SourceEntry, parse_line, plain_source

_RACY_NS = 2_000_000_000
_SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Change:
    """One path to look at: what the last manifest has there, and what the Desktop has; None for nothing."""

    path: bytes
    old: Entry | None
    now: SourceEntry | None

    @property
    def is_new(self) -> bool:
        """Whether nobody has asked rsync yet if the job's rules take it: it is new, or a folder where none was."""
        if self.now is None:
            return False
        return self.old is None or (self.old.type == "dir") != (self.now.type == "dir")

    @property
    def keeps_type(self) -> bool:
        """Whether the same type of thing is there as before."""
        return self.old is not None and self.now is not None and self.old.type == self.now.type

    @property
    def differs(self) -> bool:
        """Whether rsync has something to do to it here: more is another than its owner and what the Desktop alone has.

        Owners are not kept in every store, and fractions of a second neither.
        """
        old, now = self.old, self.now
        if old is None or now is None:
            return True
        kept = 1 if old.mtime_ns % _SECOND else _SECOND
        return (old.type, old.mode, old.size, old.target, old.rdev, old.mtime_ns // kept) != (
            now.type, now.mode, now.size, now.target, now.rdev, now.mtime_ns // kept
        )  # fmt: skip

    @property
    def stays_folder(self) -> bool:
        """Whether a folder is there as before."""
        return self.old is not None and self.now is not None and self.old.type == self.now.type == "dir"


Same = Callable[[Entry, SourceEntry], bool]


def compare(before: Iterable[str], listed: Iterable[str], *, same: Same) -> Iterator[str | Change]:
    """Yield, in a manifest's order, its line for each path that is unchanged, and a Change for each other one.

    `before` are the manifest's lines, `listed` the list's; `same` compares what is not the same text. ValueError for
    a list that is out of order, or has a line that is none.
    """
    olds, news = iter(before), iter(listed)
    old, new = next(olds, None), next(news, None)
    last = None
    while old is not None and new is not None:
        at = new.rfind(SOURCE_KEY)
        if old.endswith(new[at:]) and old.startswith(new[:at] + ',"ino":'):
            yield old
            old, new = next(olds, None), next(news, None)
            continue
        old_key, new_key = sort_key(path_of(old)), sort_key(path_of(new))
        if old_key < new_key:
            yield _gone(old)
            old = next(olds, None)
            continue
        last = _in_order(new_key, last)
        now = parse_line(new)
        if new_key < old_key:
            yield Change(now.path, None, now)
        else:
            entry = from_line(old)
            yield old if same(entry, now) else Change(now.path, entry, now)
            old = next(olds, None)
        new = next(news, None)
    while old is not None:
        yield _gone(old)
        old = next(olds, None)
    while new is not None:
        last = _in_order(sort_key(path_of(new)), last)
        now = parse_line(new)
        yield Change(now.path, None, now)
        new = next(news, None)


def same_in(*, owners: bool, nanoseconds: bool) -> Same:
    """Return what says whether a manifest's entry and a list's are one, in a store that keeps `owners`, `nanoseconds`.

    What lies on another device than the source is never the same: its numbers are given anew with each mount.
    """

    def same(old: Entry, now: SourceEntry) -> bool:
        if now.dev is not None or now.unreadable or old.source is None:
            return False
        kept = 1 if nanoseconds else 1_000_000_000
        return (
            old.source == now.source
            and (old.type, old.mode, old.size, old.target) == (now.type, now.mode, now.size, now.target)
            and old.rdev == now.rdev
            and old.mtime_ns // kept == now.mtime_ns // kept
            and (not owners or (old.uid, old.gid) == (now.uid, now.gid))
        )

    return same


def settled_source(line: str, *, listed_at_ns: int) -> Source | None:
    """Return what a manifest is to keep of a list's line; None for what may change again without another ctime.

    So it is within two seconds of the list's start, by the Desktop's clock: ctimes are as coarse as its ticks, and
    another file system's as a second or two. What changes then must count as changed next time.
    """
    return _settled(plain_source(line), listed_at_ns)


def source_to_keep(now: SourceEntry, *, listed_at_ns: int) -> Source | None:
    """Return what `settled_source` does, of a line that has been read."""
    return _settled(now.source if now.dev is None and not now.unreadable else None, listed_at_ns)


def _settled(source: Source | None, listed_at_ns: int) -> Source | None:
    return source if source is not None and source[1] < listed_at_ns - _RACY_NS else None


def _gone(line: str) -> Change:
    entry = from_line(line)
    return Change(entry.path, entry, None)


def _in_order(key: bytes, last: bytes | None) -> bytes:
    if last is not None and key <= last:
        raise ValueError("the list is out of order")
    return key
