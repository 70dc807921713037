"""Which jobs a store holds."""

from __future__ import annotations

from pathlib import Path

from backupjump.store.jobs import job_folders
from backupjump.store.layout import JobFolder
from store_world import make_store


def test_every_job_of_every_desktop_is_found_by_name_and_nothing_else(tmp_path: Path) -> None:
    nightly = make_store(tmp_path / "store")
    jobs = [JobFolder(nightly.store, desktop, job) for desktop in ("a", "b") for job in ("daily", "nightly")]
    for folder in jobs:
        folder.make()
    for other in ("lost+found/x/snapshots", "a/empty", ".hidden/x/snapshots", "a/.old/snapshots", "files"):
        (nightly.store / other).mkdir(parents=True)
    (nightly.store / "a/a-file").write_text("")
    (nightly.store / "a/a-link").symlink_to("daily")

    assert job_folders(nightly.store) == tuple(jobs)


def test_where_there_is_no_store_there_is_no_job(tmp_path: Path) -> None:
    assert job_folders(tmp_path / "nowhere") == ()
