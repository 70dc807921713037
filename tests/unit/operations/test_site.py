"""What the Server's verbs open: above all the history, which is one store's and no other's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from backupjump.operations.site import Site, open_site
from backupjump.store.layout import JobFolder
from backupjump.store.marker import write_marker
from backupjump.store.runs import append_run
from store_world import CONFIG, KEY, MARKER, RUN, make_store


@pytest.fixture
def site(tmp_path: Path) -> Site:
    nightly = make_store(tmp_path / "store")
    for folder in (nightly, JobFolder(nightly.store, "laptop", "dropped")):
        folder.make()
        append_run(folder, replace(RUN, run_id=folder.job))
    (tmp_path / "backupjump.yaml").write_text(CONFIG.format(store=nightly.store, state=tmp_path / "state", key=KEY))
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs/nightly.yaml").write_text("desktop: desktop\nsources: [/home/me]\n")
    return open_site(tmp_path / "backupjump.yaml")


def told(site: Site, uuid: str | None) -> set[tuple[str, str]]:
    with site.history(uuid) as history:
        return {(run.job, run.desktop) for run in history.since()}


def test_the_history_has_the_jobs_that_the_config_no_longer_names(site: Site) -> None:
    assert told(site, MARKER.uuid) == {("nightly", "desktop"), ("dropped", "laptop")}


def test_the_runs_of_another_store_that_is_mounted_there_are_not_taken_for_this_one_s(site: Site) -> None:
    (site.server.store.path / "backupjump-store.json").unlink()
    write_marker(site.server.store.path, replace(MARKER, uuid="another"))

    assert told(site, MARKER.uuid) == set()
    assert told(site, "another") == {("nightly", "desktop"), ("dropped", "laptop")}


def test_runs_that_found_no_store_have_a_history_of_their_own(site: Site) -> None:
    (site.server.store.path / "backupjump-store.json").unlink()

    assert told(site, None) == told(site, MARKER.uuid) == set()


def test_one_job_that_can_not_be_read_does_not_hide_the_others(site: Site) -> None:
    runs = site.folder_of(site.job("nightly")).runs
    runs.unlink()
    runs.mkdir()

    assert told(site, MARKER.uuid) == {("dropped", "laptop")}
