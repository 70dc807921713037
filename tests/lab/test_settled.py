"""What a killed attempt got is compared by content; what one that ended in good order got is linked to."""

from __future__ import annotations

from pathlib import Path

import pytest

from backupjump.store.layout import JobFolder
from backupjump.store.settled import settle
from backupjump.store.staging import Staging
from fingerprint import fingerprint
from store_world import attempt, make_store, opened, rsync_from, take, write

pytestmark = pytest.mark.lab


@pytest.fixture
def folder(tmp_path: Path) -> JobFolder:
    return make_store(tmp_path / "store")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    write(home / "file", b"right " * 1000)
    write(home / "deep" / "linked")
    (home / "deep" / "twin").hardlink_to(home / "deep" / "linked")
    (home / "deep").chmod(0o555)
    return home


def in_tree(tree: Path, home: Path) -> Path:
    return tree / home.relative_to("/")


def test_a_file_that_lost_its_content_but_not_its_time_in_a_power_cut_is_not_taken_for_the_desktops(
    folder: JobFolder, home: Path
) -> None:
    def lose_content(staging: Staging) -> None:
        rsync_from(home)(staging)
        write(in_tree(staging.tree, home) / "file", b"wrong " * 1000)

    attempt(folder, lose_content, sources=(str(home),))

    published = take(folder, rsync_from(home), sources=(str(home),))

    assert fingerprint(in_tree(published.snapshot.tree, home)) == fingerprint(home)


def test_the_doubt_changes_nothing_in_a_snapshot_that_shares_files_with_the_attempt(
    folder: JobFolder, home: Path
) -> None:
    first = take(folder, rsync_from(home), sources=(str(home),)).snapshot
    before = fingerprint(first.path)
    attempt(folder, rsync_from(home), sources=(str(home),))

    second = take(folder, rsync_from(home), sources=(str(home),)).snapshot

    assert fingerprint(first.path) == before
    assert (in_tree(first.tree, home) / "file").samefile(in_tree(second.tree, home) / "file")


def test_what_was_settled_is_linked_to(folder: JobFolder, home: Path) -> None:
    broken = attempt(folder, rsync_from(home), sources=(str(home),))
    with opened(folder) as store:
        settle(store, folder, broken.path)
    file = (in_tree(broken.tree, home) / "file").stat().st_ino

    published = take(folder, rsync_from(home), sources=(str(home),))

    assert (in_tree(published.snapshot.tree, home) / "file").stat().st_ino == file
    assert {path.name for path in published.snapshot.path.iterdir()} == {"tree", "meta.json", "manifest.jsonl.zst"}
