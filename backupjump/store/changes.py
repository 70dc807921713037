"""What differs between two snapshots, path by path, from their manifests read side by side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from backupjump.store.manifest import Entry, from_line, sort_key
from backupjump.store.suspicion import same_content

What = Literal["new", "changed", "metadata", "type", "moved", "deleted"]
Pair = tuple[Entry | None, Entry | None]

# So many files that went, and as many that came, are kept in mind to be paired: some 60 MB.
MOST_MOVES = 100_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One path that differs: what is `now` there, and what was `before`, which of a moved file is elsewhere.

    `new` and `deleted`: there is nothing on the other side. `changed`: another content, symlink target or device.
    `metadata`: only owner, mode, attributes or time. `type`: a file became a folder, and the like.
    """

    what: What
    now: Entry | None
    before: Entry | None

    @property
    def path(self) -> bytes:
        """The path that differs; where a moved file is now."""
        there = self.now or self.before
        assert there is not None
        return there.path

    @property
    def grown_bytes(self) -> int:
        """How much more content is at the path; negative for less, nothing for what moved."""
        return 0 if self.what == "moved" else _size(self.now) - _size(self.before)


def differing(before: Iterable[str], after: Iterable[str]) -> Iterator[Pair]:
    """Yield what two manifests' lines say of each path of which they do not say the same; None where one lacks it.

    A line that both have is an entry that both have: it is not even read, which makes it several times faster.
    """
    olds, news = iter(before), iter(after)
    old_line, new_line = next(olds, None), next(news, None)
    old: Entry | None = None
    new: Entry | None = None
    while old_line is not None or new_line is not None:
        if old_line == new_line:
            old_line, new_line, old, new = next(olds, None), next(news, None), None, None
            continue
        if old is None and old_line is not None:
            old = from_line(old_line)
        if new is None and new_line is not None:
            new = from_line(new_line)
        order = _order(old, new)
        yield old if order <= 0 else None, new if order >= 0 else None
        if order <= 0:
            old_line, old = next(olds, None), None
        if order >= 0:
            new_line, new = next(news, None), None


class Moves:
    """Which files only have another name: one that went and one that came with the same content, each of them once.

    An empty file is never one that moved, nor is one of which there is no hash. Of more than `most` files that
    went or came the rest is not paired; then `is_partial`.
    """

    def __init__(self, pairs: Iterable[Pair], *, most: int = MOST_MOVES) -> None:
        gone: dict[str, list[Entry]] = {}
        came: dict[str, list[bytes]] = {}
        left = {"gone": most, "came": most}
        self.is_partial = False
        for old, new in pairs:
            if old is not None and new is None and (content := _content(old)):
                if left["gone"]:
                    left["gone"] -= 1
                    gone.setdefault(content, []).append(old)
                else:
                    self.is_partial = True
            elif new is not None and old is None and (content := _content(new)):
                if left["came"]:
                    left["came"] -= 1
                    came.setdefault(content, []).append(new.path)
                else:
                    self.is_partial = True
        self._before = {
            path: old
            for content, paths in came.items()
            for path, old in zip(paths, gone.get(content, ()), strict=False)
        }
        self._away = {old.path for old in self._before.values()}

    def before(self, path: bytes) -> Entry | None:
        """Return what the file that came to `path` was; None when it is new."""
        return self._before.get(path)

    def has_gone_on(self, path: bytes) -> bool:
        """Whether the file that is gone from `path` is another one's `before`."""
        return path in self._away


def changes(pairs: Iterable[Pair], moves: Moves) -> Iterator[Change]:
    """Yield the changes in `pairs`, in their order; `moves` must be those of the same pairs."""
    for old, new in pairs:
        what = _what(old, new)
        if new is not None and what == "new" and (was := moves.before(new.path)) is not None:
            yield Change(what="moved", now=new, before=was)
        elif what is not None and not (old is not None and what == "deleted" and moves.has_gone_on(old.path)):
            yield Change(what=what, now=new, before=old)


def is_same(entry: Entry, old: Entry) -> bool:
    """Whether two entries are of one type and content, whatever their owners, modes and times; any two folders are."""
    if entry.type != old.type:
        return False
    if entry.type == "file":
        return same_content(entry, old)
    return (entry.target, entry.rdev) == (old.target, old.rdev)


def differs_in_metadata(entry: Entry, old: Entry) -> bool:
    """Whether owner, mode or attributes differ, or the time; a folder's time changes with every name in it."""
    if (entry.mode, entry.uid, entry.gid, entry.xattrs) != (old.mode, old.uid, old.gid, old.xattrs):
        return True
    return entry.type != "dir" and entry.mtime_ns != old.mtime_ns


def _what(old: Entry | None, new: Entry | None) -> What | None:
    if old is None or new is None:
        return "deleted" if new is None else "new"
    if old.type != new.type:
        return "type"
    if not is_same(new, old):
        return "changed"
    return "metadata" if differs_in_metadata(new, old) else None


def _order(old: Entry | None, new: Entry | None) -> int:
    """Return -1 when `old` comes first, 1 when `new` does, 0 when both have one path."""
    if old is None or new is None:
        return 1 if old is None else -1
    one, other = sort_key(old.path), sort_key(new.path)
    return (one > other) - (one < other)


def _content(entry: Entry) -> str | None:
    return entry.hash if entry.type == "file" and entry.size else None


def _size(entry: Entry | None) -> int:
    return entry.size if entry is not None and entry.type == "file" else 0
