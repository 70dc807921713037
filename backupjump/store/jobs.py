"""Which jobs a store holds, those too that no config names any more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from backupjump.config.checks import read_name
from backupjump.store.layout import JobFolder


def job_folders(store: Path) -> tuple[JobFolder, ...]:
    """Return where each job lies that the store holds, by name; what can't be looked into is passed over."""
    return tuple(
        folder
        for desktop in _folder_names(store)
        for job in _folder_names(store / desktop)
        if (folder := JobFolder(store, desktop, job)).snapshots.is_dir()
    )


def _folder_names(folder: Path) -> Iterator[str]:
    """Yield the folders in `folder` that have the name of a Desktop or a job; lost+found has not."""
    with suppress(OSError):
        for path in sorted(folder.iterdir()):
            with suppress(ValueError):
                read_name(path.name)
                if path.is_dir() and not path.is_symlink():
                    yield path.name
