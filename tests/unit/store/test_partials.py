"""Half-written files: taken over by the next attempt, never published."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from backupjump.config.models import PARTIAL_FOLDER
from backupjump.store.partials import adopt_partials, keep_orphans, remove_leftovers
from backupjump.store.stage import stage
from backupjump.store.staging import Staging
from fingerprint import fingerprint
from store_world import attempt, make_store, opened, take, write


def partial(folder: Path, name: str = "big", content: bytes = b"half") -> Path:
    return write(folder / PARTIAL_FOLDER / name, content, mode=0o600)


def test_a_half_written_file_moves_to_the_same_place_in_the_fresh_tree(tmp_path: Path) -> None:
    folder = make_store(tmp_path / "store")
    older = attempt(folder, lambda staging: partial(staging.tree / "home/me/deep/er"))

    with opened(folder) as store:
        staging = stage(store, folder, sources=("/home/me",), run_id="r2")

    place = Path("home/me/deep/er", PARTIAL_FOLDER)
    assert (staging.tree / place / "big").read_bytes() == b"half"
    assert not (older.tree / place).exists()


def test_the_newest_attempt_wins_where_two_have_one(tmp_path: Path) -> None:
    old, new, tree = tmp_path / "1", tmp_path / "2", tmp_path / "tree"
    partial(old, content=b"old")
    partial(new, content=b"new")
    tree.mkdir()

    for each in (new, old):
        adopt_partials(each, tree)

    assert (tree / PARTIAL_FOLDER / "big").read_bytes() == b"new"
    assert (old / PARTIAL_FOLDER / "big").exists()


def test_what_rsync_would_write_through_to_elsewhere_is_not_taken_over(tmp_path: Path) -> None:
    kept = write(tmp_path / "kept")
    shared, linked, nested = tmp_path / "1", tmp_path / "2", tmp_path / "3"
    (shared / PARTIAL_FOLDER).mkdir(parents=True)
    (shared / PARTIAL_FOLDER / "big").hardlink_to(kept)
    (linked / PARTIAL_FOLDER).mkdir(parents=True)
    (linked / PARTIAL_FOLDER / "big").symlink_to(kept)
    (nested / PARTIAL_FOLDER / "folder").mkdir(parents=True)
    (tmp_path / "tree").mkdir()

    for each in (shared, linked, nested):
        assert adopt_partials(each, tmp_path / "tree") == {}

    assert list((tmp_path / "tree").iterdir()) == []


def test_leftovers_go_and_the_times_of_their_folders_stay(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    write(tree / "home" / "kept")
    for folder in (tree / "home", tree):
        os.utime(folder, (1, 1))
    before = fingerprint(tree)
    for folder in (tree, tree / "home"):
        partial(folder)
        folder.chmod(0o555)
        os.utime(folder, (1, 1))

    remove_leftovers(tree, {})

    after = fingerprint(tree)
    assert after.keys() == before.keys()
    assert after["home"].mode == "dr-xr-xr-x"
    assert (after["home"].mtime_ns, after["."].mtime_ns) == (before["home"].mtime_ns, before["."].mtime_ns)


def test_a_folder_that_is_gone_from_the_desktop_is_not_published_for_its_half_written_file(tmp_path: Path) -> None:
    folder = make_store(tmp_path / "store")
    attempt(
        folder, lambda staging: [partial(staging.tree / "home/me/gone/deep"), partial(staging.tree / "home/me/here")]
    )

    def fill(staging: Staging) -> None:
        # rsync sets the times of the folders that it knows, and finishes the file.
        (staging.tree / "home/me/here" / PARTIAL_FOLDER / "big").rename(staging.tree / "home/me/here/big")
        os.utime(staging.tree / "home/me/here", (1, 1))
        os.utime(staging.tree / "home/me", (2, 2))

    snapshot = take(folder, fill).snapshot

    found = fingerprint(snapshot.tree / "home/me")
    assert sorted(found) == [".", "here", "here/big"]
    assert (found["."].mtime_ns, found["here"].mtime_ns) == (2 * 10**9, 10**9)


def test_a_half_written_file_in_a_folder_that_may_not_be_written_to_moves_too(tmp_path: Path) -> None:
    attempt_tree, tree = tmp_path / "1", tmp_path / "tree"
    for each in (attempt_tree, tree):
        (each / "home").mkdir(parents=True)
    partial(attempt_tree / "home")
    for each in (attempt_tree, tree):
        (each / "home").chmod(0o555)

    adopt_partials(attempt_tree, tree)

    assert (tree / "home" / PARTIAL_FOLDER / "big").read_bytes() == b"half"
    assert (tree / "home").stat().st_mode & 0o7777 == 0o555
    remove_leftovers(tree, {})
    assert list((tree / "home").iterdir()) == []


@pytest.mark.parametrize(
    ("name", "mtime", "kept_as"),
    [
        (".big.aB3xYz", 200, "big"),
        (".with.dots.aB3xYz", 200, "with.dots"),
        ("..hidden.aB3xYz", 200, ".hidden"),
        (".new\nline.aB3xYz", 200, "new\nline"),
        (".big.aB3xYz", 50, None),
        (".big.aB3xYzz", 200, None),
        ("big.aB3xYz", 200, None),
        ("..aB3xYz", 200, None),
    ],
)
def test_what_a_killed_rsync_was_writing_is_kept_under_its_real_name(
    tmp_path: Path, name: str, mtime: int, kept_as: str | None
) -> None:
    write(tmp_path / "home" / name, b"half", mode=0o600, mtime=mtime)
    (tmp_path / "home").chmod(0o555)

    keep_orphans(tmp_path, begun_ns=100 * 10**9)

    partials = {path.name for path in tmp_path.glob(f"home/{PARTIAL_FOLDER}/*")}
    assert partials == ({kept_as} if kept_as else set())
    assert (tmp_path / "home" / name).exists() == (kept_as is None)


def test_an_orphan_never_takes_the_place_of_a_half_written_file_nor_of_what_a_snapshot_shares(tmp_path: Path) -> None:
    partial(tmp_path, "big", b"told to end")
    write(tmp_path / ".big.aB3xYz", b"killed", mtime=200)
    (tmp_path / ".other.aB3xYz").hardlink_to(write(tmp_path / "kept", mtime=200))
    (tmp_path / ".link.aB3xYz").symlink_to("kept")

    keep_orphans(tmp_path, begun_ns=0)

    assert {path.name: path.read_bytes() for path in (tmp_path / PARTIAL_FOLDER).iterdir()} == {"big": b"told to end"}


@pytest.mark.parametrize("to", ["elsewhere", None])
def test_what_a_desktop_put_in_the_place_of_the_folder_for_half_written_files_is_not_followed(
    tmp_path: Path, to: str | None
) -> None:
    tree, elsewhere = tmp_path / "tree", tmp_path / "elsewhere"
    elsewhere.mkdir()
    orphan = write(tree / ".big.aB3xYz", b"killed", mtime=200)
    in_its_place = tree / PARTIAL_FOLDER
    in_its_place.symlink_to(elsewhere) if to else in_its_place.touch()

    keep_orphans(tree, begun_ns=0)

    assert orphan.read_bytes() == b"killed"
    assert list(elsewhere.iterdir()) == []
