"""Backups as one would write them at first: the crash tests must find what these cost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from backupjump.store.layout import JobFolder
from backupjump.store.lock import locked
from backupjump.store.publish import publish, record
from backupjump.store.stage import stage
from backupjump.store.store import Store, open_store
from lab.crash_points import fill_by_rsync
from store_world import MARKER, RUN


class UnsyncedStore(Store):
    """A store that believes in names: nothing is brought to the disk before the rename."""

    def sync(self) -> None:
        """Do nothing, like all who rename and go on."""


def publish_unsynced(folder: JobFolder, source: Path, tell: Callable[[str], None]) -> None:
    """Back up in the naive order: the name first, the data some time later."""
    with open_store(folder.store, uuid=MARKER.uuid) as opened, locked(folder):
        store = UnsyncedStore(opened.path, opened.marker, opened._fd)
        staging = stage(store, folder, sources=(str(source),), run_id="r1")
        fill_by_rsync(source)(staging)
        publish(store, record(store, staging, hashes={}), run=RUN, how={})


def fill_the_published(folder: JobFolder, source: Path, tell: Callable[[str], None]) -> None:
    """Back up in the other naive way: straight into the snapshot's own folder."""
    with open_store(folder.store, uuid=MARKER.uuid) as store, locked(folder):
        staging = stage(store, folder, sources=(str(source),), run_id="r1")
        staging.path.rename(folder.snapshots / staging.id)
        staging.path.symlink_to(folder.snapshots / staging.id)
        fill_by_rsync(source)(staging)
