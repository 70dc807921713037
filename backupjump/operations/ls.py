"""What a snapshot holds, line by line, read from its manifest as a stream."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from backupjump.operations.prune import store_zone
from backupjump.operations.snapshot_paths import (
    ancestors,
    desktop_path,
    entry_json,
    path_json,
    under,
    unknown_path,
)
from backupjump.run import mtime_at, utc_now
from backupjump.store.find import find_snapshot
from backupjump.store.in_use import in_use
from backupjump.store.manifest import read_manifest
from backupjump.store.snapshots import list_snapshots

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from backupjump.operations.site import Site
    from backupjump.store.manifest import Entry


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """One line of `ls`. A folder above the sources is there, but nothing was backed up of it itself.

    `files_total` and `bytes_total` are of the regular files below a folder, each name counted; None where
    that was not asked for, and for what is no folder.
    """

    path: bytes
    entry: Entry | None
    files_total: int | None = None
    bytes_total: int | None = None

    @property
    def type(self) -> str:
        """What it is: file, dir, symlink, fifo, socket, char or block."""
        return self.entry.type if self.entry is not None else "dir"

    @property
    def modified_at(self) -> datetime | None:
        """When it was last changed, to the second."""
        return mtime_at(self.entry.mtime_ns) if self.entry is not None else None

    @property
    def weight_bytes(self) -> int:
        """How much is in it, whether file or folder."""
        return self.bytes_total if self.bytes_total is not None else self.entry.size if self.entry is not None else 0

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values; the keys are API."""
        told = (
            entry_json(self.entry)
            if self.entry is not None
            else {**path_json(self.path), "type": "dir", "mode": None, "size": None, "mtime": None}
        )
        return {**told, "files_total": self.files_total, "bytes_total": self.bytes_total}


def list_path(
    site: Site, job_name: str, path: str = "/", *, snapshot: str | None = None, at: str | None = None, recursive: bool
) -> Iterator[Listed]:
    """Yield what the folder `path` of a snapshot holds, or the one file that it names; the newest good one if not said.

    In the order of the manifest: names in byte order. Without `recursive` each folder comes with how much is
    below it. Raises UsageError, before anything is yielded, for an unknown job, snapshot or path.
    """
    job = site.job(job_name)
    zone = store_zone(site)
    wanted = desktop_path(path)
    found = find_snapshot(list_snapshots(site.folder_of(job)), snapshot, at=at, now=utc_now(), zone=zone)
    with in_use(found.path):
        lines = list_entries(read_manifest(found.manifest), wanted, recursive=recursive)
        first = next(lines, None)
        if first is not None:
            yield first
            yield from lines
        elif wanted and all(entry.path != wanted for entry in read_manifest(found.manifest)):
            raise unknown_path(wanted, read_manifest(found.manifest), job=job.name)


def list_entries(entries: Iterable[Entry], path: bytes, *, recursive: bool) -> Iterator[Listed]:
    """Yield those of `entries` that are in the folder `path`, with `recursive` all below it, else with their totals.

    A `path` that is no folder is yielded itself. The folders above a source, which no manifest lists,
    are among them, each once.
    """
    everything = _listed(entries, path)
    if recursive:
        yield from everything
        return
    folder: Listed | None = None
    files = size = 0
    for line in everything:
        if folder is not None and under(line.path, folder.path):
            if line.entry is not None and line.entry.type == "file":
                files, size = files + 1, size + line.entry.size
            continue
        if folder is not None:
            yield replace(folder, files_total=files, bytes_total=size)
        folder, files, size = (line, 0, 0) if line.type == "dir" else (None, 0, 0)
        if folder is None:
            yield line
    if folder is not None:
        yield replace(folder, files_total=files, bytes_total=size)


def _listed(entries: Iterable[Entry], path: bytes) -> Iterator[Listed]:
    """Yield all that is below `path`, and the folders above a source that are; `path` itself when it is no folder."""
    source: bytes | None = None
    above: set[bytes] = set()
    for entry in entries:
        if source is None or not (entry.path == source or under(entry.path, source)):
            source = entry.path
            for folder in sorted(set(ancestors(source)) - above):
                above.add(folder)
                if under(folder, path):
                    yield Listed(path=folder, entry=None)
        if under(entry.path, path) or (entry.path == path and entry.type != "dir"):
            yield Listed(path=entry.path, entry=entry)
