"""What a verify needs the Desktop for: comparing its files with a snapshot, and good copies of damaged ones."""

from __future__ import annotations

import logging
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from backupjump.errors import BackupjumpError, GateRefused, TransferFailed, UsageError
from backupjump.operations.plan import plan_transfers
from backupjump.operations.probe import probe
from backupjump.operations.pull import reach
from backupjump.operations.under_way import Asked, Pull
from backupjump.rsync.compare import Compared, compare
from backupjump.rsync.plan import Transfer
from backupjump.rsync.transfer import transfer
from backupjump.store.manifest import read_manifest
from backupjump.store.tree import remove_tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from random import Random

    from backupjump.operations.verify.heal import Fetch
    from backupjump.store.manifest import Entry
    from backupjump.store.marker import Marker
    from backupjump.store.snapshots import Snapshot

log = logging.getLogger(__name__)

HEAL_NAME = "heal"


def against_source(
    job_name: str, config: Path | None, snapshot: Snapshot, marker: Marker, *, share: float | None, random: Random
) -> Compared:
    """Compare the Desktop's files with a snapshot by content, all or a random `share` of the bytes.

    Both sides read every file. Raises what a run would: ConfigError, DesktopAway, TransferFailed.
    """
    pull = Pull(job_name, Asked(config=config))
    sources = [source for source in pull.job.sources if source in snapshot.sources]
    if not sources:
        raise UsageError(f"{snapshot.id} has none of the sources that {job_name} has now")
    with reach(pull) as desktop, tempfile.TemporaryDirectory(prefix="backupjump-") as folder:
        rsyncs = probe(desktop, pull.job, pull.gate)
        if share is not None:
            _check_lists(pull)
        chosen = None if share is None else _sampled(read_manifest(snapshot.manifest), share, random)
        transfers = [
            Transfer(
                source=source,
                target=snapshot.tree / source.lstrip("/"),
                files_from=None if chosen is None else _listed(Path(folder), source, chosen),
            )
            for source in sources
        ]
        return compare(plan_transfers(pull.job, pull.route, marker, rsyncs, transfers, compare_content=True))


@contextmanager
def fetching(job_name: str, config: Path | None, marker: Marker, *, lock_fd: int) -> Iterator[Fetch]:
    """Give what brings paths from the Desktop; what it brought is gone after the block. The job's lock must be held.

    The lock's descriptor is for rsync, which may outlive us. What a kill left is removed the next time.
    """
    place: Path | None = None

    def fetch(paths: Sequence[bytes]) -> Path:
        nonlocal place
        pull = Pull(job_name, Asked(config=config))
        place = pull.folder.work / HEAL_NAME
        _remove(place)
        place.mkdir(mode=0o700)
        transfers = list(_transfers(place, pull.job.sources, paths))
        if not transfers:
            raise BackupjumpError("the job has no source any more that they would be in")
        with reach(pull) as desktop:
            rsyncs = probe(desktop, pull.job, pull.gate)
            _check_lists(pull)
            plan = plan_transfers(pull.job, pull.route, marker, rsyncs, transfers)
            try:
                transfer(plan, pass_fds=(lock_fd,))
            except TransferFailed as error:
                # Some are no longer there; what did come is judged by its hash.
                log.info("%s: %s", job_name, error)
        return place / "tree"

    try:
        yield fetch
    finally:
        if place is not None:
            _remove(place)


def _check_lists(pull: Pull) -> None:
    """Raise GateRefused where the gate takes no list of files: only a confined rsync keeps to its folder then."""
    if pull.gate is not None and not pull.gate.confines:
        raise GateRefused(
            f"desktop {pull.desktop.name}: its gate sends whole folders only, no single files: its rsync is older than"
            " 3.5.0 and could be led outside of the folder by a list",
            hint="install rsync 3.5.0 or newer there; or compare all of it, without --sample",
        )


def _transfers(place: Path, sources: Iterable[str], paths: Sequence[bytes]) -> Iterator[Transfer]:
    for source in sources:
        if any(_below(path, source) for path in paths):
            target = place / "tree" / source.lstrip("/")
            target.mkdir(parents=True)
            yield Transfer(source=source, target=target, files_from=_listed(place, source, paths))


def _listed(folder: Path, source: str, paths: Iterable[bytes]) -> Path:
    """Write those of `paths` that are below `source` into a file as rsync reads it."""
    start = len(os.fsencode(source).strip(b"/"))
    fd, name = tempfile.mkstemp(prefix="paths-", dir=folder)
    with os.fdopen(fd, "wb") as file:
        file.writelines(path[start:].lstrip(b"/") + b"\0" for path in paths if _below(path, source))
    return Path(name)


def _below(path: bytes, source: str) -> bool:
    root = os.fsencode(source).strip(b"/")
    return not root or path.startswith(root + b"/")


def _sampled(entries: Iterable[Entry], share: float, random: Random) -> list[bytes]:
    """Return random files that have about a `share` of all bytes."""
    return [entry.path for entry in entries if entry.type == "file" and random.random() < share]


def _remove(place: Path) -> None:
    fd = os.open(place.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if os.path.lexists(place):
            remove_tree(place.name, folder_fd=fd)
    finally:
        os.close(fd)
