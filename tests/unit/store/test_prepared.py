"""A tree made ahead is used whole or not at all, wherever a run that took it was killed."""

from __future__ import annotations

from pathlib import Path

import pytest

from backupjump.store.layout import JobFolder
from backupjump.store.prepared import is_prepared, prepare_tree, take_prepared
from backupjump.store.snapshots import Snapshot
from backupjump.store.staging import Staging
from store_world import make_store, take, write


@pytest.fixture
def folder(tmp_path: Path) -> JobFolder:
    return make_store(tmp_path / "store")


@pytest.fixture
def base(folder: JobFolder) -> Snapshot:
    def fill(staging: Staging) -> None:
        write(staging.tree / "home/me/a", b"a")

    return take(folder, fill).snapshot


def test_a_tree_that_is_ready_is_taken_once(folder: JobFolder, base: Snapshot, tmp_path: Path) -> None:
    prepare_tree(folder, base, sync=lambda: None)

    taken = [take_prepared(folder, base, to=tmp_path / f"taken{number}") for number in range(2)]

    assert taken == [True, False]
    assert (tmp_path / "taken0/home/me/a").samefile(base.tree / "home/me/a")


def test_a_run_that_was_killed_right_after_it_took_the_tree_leaves_nothing_that_looks_ready(
    folder: JobFolder, base: Snapshot, tmp_path: Path
) -> None:
    prepare_tree(folder, base, sync=lambda: None)
    (folder.prepared / "tree").rename(tmp_path / "the killed run's")

    assert not is_prepared(folder, base)
    assert not take_prepared(folder, base, to=tmp_path / "taken")
    assert not folder.prepared.exists()
