"""Versions: every content that a path has had, and in which snapshots it can be had back.

A snapshot's manifest is the truth, and reading it is what takes time. So a snapshot's own is read only where the
tree does not have the very inode that the snapshot before it has.
"""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from backupjump.errors import StoreError, UsageError
from backupjump.escape import shown, typable
from backupjump.operations.prune import store_zone
from backupjump.operations.snapshot_paths import desktop_path, entry_json, unknown_path
from backupjump.run import rfc3339
from backupjump.store.in_use import in_use
from backupjump.store.manifest import find_entry, read_manifest
from backupjump.store.snapshots import checked, list_snapshots
from backupjump.store.tree import open_folder
from backupjump.store.versions import versions_in

if TYPE_CHECKING:
    from backupjump.operations.site import Site
    from backupjump.store.manifest import Entry
    from backupjump.store.snapshots import Snapshot
    from backupjump.store.versions import Version

log = logging.getLogger(__name__)

# What a tree has under a path, as lstat tells it; None for nothing.
_Print = tuple[int | str, ...] | None


@dataclass(frozen=True, kw_only=True)
class Versions:
    """What a path of a job has held, in the order in which it came; `snapshots` of which the manifests can tell.

    Of `untold` they can't: each has its `problem`.
    """

    job: str
    path: bytes
    versions: tuple[Version, ...]
    snapshots: tuple[Snapshot, ...]
    untold: tuple[Snapshot, ...]

    @property
    def wanted(self) -> Version:
        """The version that a person most likely wants back: the one before what is there now, or the last there was."""
        newest = self.snapshots[-1]
        before = [each for each in self.versions if each.last is not newest and each.entry.type != "dir"]
        return max(before, key=lambda each: self.snapshots.index(each.last), default=self.versions[-1])

    def restore_command(self, version: Version) -> str:
        """Return what to type to have a version back; DIR is left to be filled in."""
        return f"backupjump restore {self.job} {typable(b'/' + self.path)} --snapshot {version.last.id} --to DIR"


def versions_of(
    site: Site, job_name: str, path: str, *, on_progress: Callable[[int, int], object] = lambda _done, _of: None
) -> Versions:
    """Return the versions of `path` over all snapshots of a job; `on_progress` is told how many were looked at.

    Raises UsageError for an unknown job, for a path that no snapshot has, with the nearest name, and for one
    that was never anything but a folder. A snapshot that a prune takes meanwhile is passed over.
    """
    job, wanted = site.job(job_name), desktop_path(path)
    store_zone(site)
    snapshots = list_snapshots(site.folder_of(job))
    if not snapshots:
        raise UsageError(f"{job.name} has no snapshot yet", hint=f"the first comes with: backupjump run {job.name}")
    look = _Look(wanted)
    seen = list(look.through(snapshots, on_progress))
    found = versions_in(seen)
    if look.met_folder and all(each.entry.type == "dir" for each in found):
        raise _folder(job.name, wanted)
    if not found:
        raise _never(job.name, wanted, [snapshot for snapshot, _entry in seen])
    return Versions(
        job=job.name,
        path=wanted,
        versions=found,
        snapshots=tuple(snapshot for snapshot, _entry in seen),
        untold=tuple(look.untold),
    )


def version_json(version: Version) -> dict[str, Any]:
    """Return a version as JSON values; the keys are API."""
    entry = version.entry
    return {
        **entry_json(entry),
        "hash": entry.hash,
        "first_seen": version.first.id,
        "first_seen_at": rfc3339(version.first.taken_at),
        "last_seen": version.last.id,
        "last_seen_at": rfc3339(version.last.taken_at),
        "snapshots": [each.id for each in version.snapshots],
        "gone_in": [each.id for each in version.gone_in],
        "metadata_changed_in": [each.id for each in version.metadata_changed_in],
        "suspect": version.only_doubtful,
    }


class _Look:
    """Looks a path up in one snapshot after another; what was found of the one before is kept in mind."""

    def __init__(self, path: bytes) -> None:
        self.met_folder = False
        self.untold: list[Snapshot] = []
        self._path = path
        self._known: tuple[_Print, Entry | None] | None = None

    def through(
        self, snapshots: Sequence[Snapshot], on_progress: Callable[[int, int], object]
    ) -> Iterator[tuple[Snapshot, Entry | None]]:
        """Yield each snapshot that can tell, with its entry of the path; oldest first."""
        for number, snapshot in enumerate(snapshots, start=1):
            try:
                with in_use(snapshot.path):
                    yield snapshot, self._entry(snapshot)
            except StoreError as error:
                if os.path.lexists(snapshot.path):
                    log.debug("%s: %s", snapshot.id, error)
                    self.untold.append(checked(snapshot))
            on_progress(number, len(snapshots))

    def _entry(self, snapshot: Snapshot) -> Entry | None:
        print_, is_folder = self._lstat(snapshot)
        self.met_folder = self.met_folder or is_folder
        if self._known is not None and self._is_known(print_, is_folder=is_folder):
            return self._known[1]
        if problem := checked(snapshot).problem:
            raise StoreError(problem)
        entry = find_entry(snapshot.manifest, self._path)
        self._known = print_, entry
        return entry

    def _is_known(self, print_: _Print, *, is_folder: bool) -> bool:
        """Whether the tree has what the one before has, of which the manifest has told: the same inode, or nothing."""
        assert self._known is not None
        before, entry = self._known
        if is_folder:
            return entry is not None and entry.type == "dir"
        return print_ == before and (print_ is None) == (entry is None)

    def _lstat(self, snapshot: Snapshot) -> tuple[_Print, bool]:
        """Return what the tree has there and whether that is a folder; where that can't be told, the print is new.

        An inode's ctime goes with everything that is done to it, so that an equal print is the same file untouched:
        in a hard-link store the very inode, and in one of subvolumes the copy of it that came with the subvolume.
        """
        *folders, name = self._path.split(b"/")
        try:
            fd = open_folder(snapshot.tree, folders)
            try:
                status = os.stat(name or b".", dir_fd=fd, follow_symlinks=False)
            finally:
                os.close(fd)
        except (FileNotFoundError, NotADirectoryError):
            return None, False
        except OSError:
            return (snapshot.id,), False
        print_ = (status.st_ino, status.st_ctime_ns, status.st_mtime_ns, status.st_size, status.st_mode)
        return print_, stat.S_ISDIR(status.st_mode)


def _folder(job: str, path: bytes) -> UsageError:
    word = typable(b"/" + path)
    return UsageError(
        f"/{shown(path)} is a folder: versions tells of one file",
        hint=f"backupjump ls {job} {word} lists it, backupjump diff {job} latest~1 latest {word} what changed in it",
    )


def _never(job: str, path: bytes, told: Sequence[Snapshot]) -> UsageError | StoreError:
    if not told:
        return StoreError(
            f"no manifest of {job} can be read", hint=f"backupjump snapshots {job} says what is wrong with each"
        )
    return unknown_path(path, read_manifest(told[-1].manifest), job=job, told=f"no snapshot of {job} has")
