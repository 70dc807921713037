"""Look at whole snapshots on the disk: every name beside its manifest, each inode's content read once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

from backupjump.store.abreast import abreast
from backupjump.store.inode import read_entry
from backupjump.store.manifest import Entry, from_line, path_of, read_lines, sha256_of, sort_key
from backupjump.store.meta import META_NAME
from backupjump.store.snapshots import Snapshot
from backupjump.store.tree import Found, walk
from backupjump.store.verify.content import can_check, cold_hash
from backupjump.store.verify.differences import Damage, Kind, Problem, Rules, differences

_WORST_FIRST = (Kind.TYPE, Kind.UNREADABLE, Kind.CONTENT, Kind.METADATA)


class _Listed(NamedTuple):
    """A line of a manifest of which only the path has been read, in a tenth of the time of all."""

    path: bytes
    line: str


def damaged_papers(snapshot: Snapshot) -> Damage | None:
    """Return what is wrong with a snapshot's own meta.json or manifest, None when nothing is."""
    if snapshot.problem:
        what = snapshot.problem if META_NAME in snapshot.problem else f"{META_NAME}: {snapshot.problem}"
        return Damage(path=b"", kind=Kind.META, what=what, home=snapshot.id, snapshots=(snapshot.id,))
    try:
        whole = sha256_of(snapshot.manifest) == snapshot.manifest_sha256
        what = "the manifest is not the one that was written with the snapshot"
    except OSError as error:
        whole, what = False, f"the manifest can't be read: {error.strerror}"
    return (
        None if whole else Damage(path=b"", kind=Kind.MANIFEST, what=what, home=snapshot.id, snapshots=(snapshot.id,))
    )


class Looker:
    """Looks at one snapshot after another; what it has seen of an inode is not looked at again.

    `checked` counts the names, `read_bytes` the content that was read.
    """

    def __init__(self, rules: Rules, *, on_progress: Callable[[int, int], object] = lambda _names, _bytes: None):
        self.rules = rules
        self.checked = 0
        self.read_bytes = 0
        self._on_progress = on_progress
        # Of what has several names: a hash of the inode and of all that is said of it, found to be true or not.
        self._seen: set[int] = set()

    def look(self, snapshot: Snapshot, *, chosen: Callable[[bytes], bool] = lambda _path: True) -> Iterator[Damage]:
        """Yield the damage of a snapshot, whose manifest must be whole; names that are missing or extra always.

        Of what is there only the `chosen` paths are compared and read.
        """
        refused: dict[bytes, OSError] = {}
        found = _found(snapshot, on_error=refused.__setitem__)
        listed = (_Listed(path_of(line), line) for line in read_lines(snapshot.manifest))
        for here, there in abreast(found, listed, left_path=lambda each: each.path):
            if there is None:
                assert here is not None
                yield _damage(snapshot, here, None, (Problem(kind=Kind.EXTRA, what="is not in the manifest"),))
            elif here is None:
                yield _lost(snapshot, from_line(there.line), refused.pop(there.path, None))
            elif chosen(there.path):
                self.checked += 1
                entry = from_line(there.line)
                if problems := self._problems(here, entry):
                    yield _damage(snapshot, here, entry, problems)
                self._on_progress(self.checked, self.read_bytes)
        for path, error in refused.items():
            # What is left are folders that are there and can't be listed.
            yield Damage(
                path=path, kind=Kind.UNREADABLE, what=_refused(error), home=snapshot.id, snapshots=(snapshot.id,)
            )

    def _problems(self, here: Found, entry: Entry) -> tuple[Problem, ...]:
        if here.status.st_nlink > 1 and not here.is_folder:
            # Its inode on this disk, not the manifest's: a store may have been copied to another disk.
            key = hash((here.inode, replace(entry, path=b"", ino=0)))
            if key in self._seen:
                return ()
            self._seen.add(key)
        return examine(here, entry, self.rules, on_bytes=self._count)

    def _count(self, read: int) -> None:
        self.read_bytes += read
        self._on_progress(self.checked, self.read_bytes)


def examine(
    here: Found, entry: Entry, rules: Rules, *, on_bytes: Callable[[int], object] = lambda _count: None
) -> tuple[Problem, ...]:
    """Return all that is wrong with one name that is there; its content is read from the disk."""
    try:
        problems = differences(entry, read_entry(here, fake_super=rules.fake_super), rules)
        wrong_already = any(problem.kind is not Kind.METADATA for problem in problems)
        if entry.type == "file" and entry.hash is not None and can_check(entry.hash) and not wrong_already:
            problems += _content(here, entry.hash, on_bytes)
    except OSError as error:
        return (Problem(kind=Kind.UNREADABLE, what=_refused(error)),)
    return problems


def _content(here: Found, expected: str, on_bytes: Callable[[int], object]) -> tuple[Problem, ...]:
    if cold_hash(here, expected, on_bytes=on_bytes) == expected:
        return ()
    return (Problem(kind=Kind.CONTENT, what="content is not what was backed up"),)


def _found(snapshot: Snapshot, *, on_error: Callable[[bytes, OSError], object]) -> Iterator[Found]:
    """Yield all that the snapshot's sources hold; one that has gone holds nothing."""
    for source in sorted((os.fsencode(each.lstrip("/")) for each in snapshot.sources), key=sort_key):
        if os.path.lexists(snapshot.tree / os.fsdecode(source)):
            yield from walk(snapshot.tree, source, on_error=on_error)


def _damage(snapshot: Snapshot, here: Found, entry: Entry | None, problems: Iterable[Problem]) -> Damage:
    every = tuple(problems)
    kinds = {problem.kind for problem in every}
    return Damage(
        path=here.path,
        kind=next((kind for kind in _WORST_FIRST if kind in kinds), every[0].kind),
        what=", ".join(problem.what for problem in every),
        home=snapshot.id,
        snapshots=(snapshot.id,),
        inode=None if here.is_folder else here.inode,
        links=1 if here.is_folder else here.status.st_nlink,
        entry=entry,
    )


def _lost(snapshot: Snapshot, entry: Entry, error: OSError | None) -> Damage:
    kind, what = (Kind.MISSING, "is missing") if error is None else (Kind.UNREADABLE, _refused(error))
    return Damage(path=entry.path, kind=kind, what=what, home=snapshot.id, snapshots=(snapshot.id,), entry=entry)


def _refused(error: OSError) -> str:
    return f"can't be read: {error.strerror}"
