"""What a restore would do, decided entry by entry before anything is written."""

from __future__ import annotations

import stat
from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto
from typing import TYPE_CHECKING, Protocol

from backupjump.errors import RestoreRefused
from backupjump.escape import shown
from backupjump.operations.snapshot_paths import parent, under
from backupjump.store.inode import TYPES

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable

    from backupjump.store.manifest import Entry, EntryType

_NAME_MAX = 255


class Mode(StrEnum):
    """What a restore may do to what is already there.

    new-only: nothing. keep-old: replace it, the old one stays beside. exact: replace it, and delete
    what the snapshot does not have.
    """

    NEW_ONLY = "new-only"
    KEEP_OLD = "keep-old"
    EXACT = "exact"


class Verdict(Enum):
    """What becomes of one entry."""

    WRITE = auto()
    """Nothing is there: it is written."""
    REPLACE = auto()
    """Something of another type is there: it goes aside first."""
    COMPARE = auto()
    """Something of its type is there: it goes aside if it differs."""
    UPDATE = auto()
    """Its folder is there and gets the attributes that the snapshot has."""
    KEEP = auto()
    """What is there stays as it is."""
    BLOCKED = auto()
    """What is there is no folder and stays, so nothing below can be written."""


def decide(wanted: EntryType, there: EntryType | None, *, mode: Mode, chosen: bool) -> Verdict:
    """Return what becomes of an entry of the type `wanted` where something of the type `there` stands.

    An entry that is not `chosen` is a folder above one that is: made when missing, else left as it is.
    """
    if there is None:
        return Verdict.WRITE
    if wanted == "dir" and there != "dir":
        return Verdict.BLOCKED if mode is Mode.NEW_ONLY else Verdict.REPLACE
    if mode is Mode.NEW_ONLY or not chosen:
        return Verdict.KEEP
    if wanted == "dir":
        return Verdict.UPDATE
    return Verdict.COMPARE if wanted == there else Verdict.REPLACE


def aside_name(name: bytes, snapshot_id: str, *, taken: Callable[[bytes], bool]) -> bytes:
    """Return the name for what a restore of `snapshot_id` replaces: NAME.before-ID, `-2` and on where that is taken.

    A NAME that would become longer than file systems allow is cut.
    """
    number = 1
    while True:
        suffix = f".before-{snapshot_id}".encode() + (b"" if number == 1 else b"-%d" % number)
        candidate = name[: _NAME_MAX - len(suffix)] + suffix
        if not taken(candidate):
            return candidate
        number += 1


@dataclass(frozen=True, kw_only=True)
class Extra:
    """Something that the snapshot does not have, in a folder that is to be exactly as there."""

    path: bytes
    files: int
    size_bytes: int


class Looking(Protocol):
    """How the target is looked at; nothing in it writes."""

    def look(self, path: bytes) -> os.stat_result | None:
        """Return what stands at `path` itself, or None; a symlink on the way there raises RestoreRefused."""

    def names(self, path: bytes) -> Iterable[bytes]:
        """Return the names in a folder."""

    def measure(self, path: bytes) -> Extra:
        """Return how much lies at and below `path`."""


@dataclass(kw_only=True)
class Draft:
    """The decisions on one restore so far; `add` them in the manifest's order, then `finish`."""

    mode: Mode
    target: Looking
    devices: bool
    """Whether devices can be made here (root can)."""
    paths: set[bytes] = field(default_factory=set)
    """All that were added."""
    absent: list[Entry] = field(default_factory=list)
    in_the_way: list[Entry] = field(default_factory=list)
    to_compare: list[Entry] = field(default_factory=list)
    folders: list[Entry] = field(default_factory=list)
    extras: list[Extra] = field(default_factory=list)
    kept: int = 0
    skipped: int = 0
    _below: bytes | None = None
    _below_is: Verdict = Verdict.WRITE
    _exact: list[tuple[bytes, set[bytes]]] = field(default_factory=list)

    def add(self, entry: Entry, *, chosen: bool) -> None:
        """Decide on `entry`; raises RestoreRefused where a symlink stands on the way to it or in its folder's place."""
        self._leave_folders(entry.path)
        self.paths.add(entry.path)
        if entry.type in ("char", "block") and not self.devices:
            self.skipped += 1
            return
        if self._below is not None and under(entry.path, self._below):
            self._note(entry, self._below_is)
            return
        found = self.target.look(entry.path)
        there = None if found is None else TYPES[stat.S_IFMT(found.st_mode)]
        if entry.type == "dir" and there == "symlink":
            raise refused_link(entry.path)
        verdict = decide(entry.type, there, mode=self.mode, chosen=chosen)
        self._note(entry, verdict)
        if entry.type == "dir":
            self._enter(entry.path, verdict)

    def finish(self) -> None:
        """Say that no entry follows."""
        while self._exact:
            self._leave_folder()

    def _note(self, entry: Entry, verdict: Verdict) -> None:
        match verdict:
            case Verdict.WRITE:
                self.absent.append(entry)
            case Verdict.REPLACE:
                self.in_the_way.append(entry)
            case Verdict.COMPARE:
                self.to_compare.append(entry)
            case Verdict.UPDATE:
                self.folders.append(entry)
            case Verdict.KEEP | Verdict.BLOCKED:
                self.kept += entry.type != "dir"

    def _enter(self, folder: bytes, verdict: Verdict) -> None:
        """What stands in a folder's place decides on all that is below it."""
        if verdict in (Verdict.WRITE, Verdict.REPLACE, Verdict.BLOCKED):
            self._below = folder
            self._below_is = Verdict.BLOCKED if verdict is Verdict.BLOCKED else Verdict.WRITE
        elif verdict is Verdict.UPDATE and self.mode is Mode.EXACT:
            self._exact.append((folder, set(self.target.names(folder))))

    def _leave_folders(self, path: bytes) -> None:
        while self._exact and not under(path, self._exact[-1][0]):
            self._leave_folder()
        if self._exact and parent(path) == self._exact[-1][0]:
            self._exact[-1][1].discard(path.rpartition(b"/")[2])

    def _leave_folder(self) -> None:
        folder, left = self._exact.pop()
        self.extras.extend(self.target.measure(folder + b"/" + name if folder else name) for name in sorted(left))


def refused_link(path: bytes) -> RestoreRefused:
    """Return the refusal to write through the symlink at `path` below the target."""
    return RestoreRefused(
        f"{shown(path)} below the target is a symlink, and a restore does not write through one",
        hint="restore into another folder, or move the link away",
    )
