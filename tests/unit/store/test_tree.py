"""Walking and deleting what a Desktop made, however odd it is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backupjump.store.manifest import sort_key
from backupjump.store.tree import OpenWay, remove_tree, walk
from store_world import write

NAMES = st.binary(min_size=1, max_size=12).filter(
    lambda name: not set(name) & {0, ord("/")} and name not in (b".", b"..")
)


def remove(path: Path) -> None:
    fd = os.open(path.parent, os.O_RDONLY)
    try:
        remove_tree(path.name, folder_fd=fd)
    finally:
        os.close(fd)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(NAMES, min_size=1, max_size=3), max_size=12))
def test_a_walk_finds_every_name_once_in_the_order_of_a_manifest(
    tmp_path_factory: pytest.TempPathFactory, paths: list[list[bytes]]
) -> None:
    tree = tmp_path_factory.mktemp("tree")
    for parts in paths:
        tree.joinpath(*map(os.fsdecode, parts)).mkdir(parents=True, exist_ok=True)

    found = [each.path for each in walk(tree, b"")]

    assert found == sorted(found, key=sort_key)
    assert set(found) == {b""} | {b"/".join(parts[:end]) for parts in paths for end in range(1, len(parts) + 1)}


def test_a_walk_from_a_source_names_paths_from_the_tree(tmp_path: Path) -> None:
    write(tmp_path / "home" / "me" / "notes")
    write(tmp_path / "home" / "other")

    assert [each.path for each in walk(tmp_path, b"home/me")] == [b"home/me", b"home/me/notes"]


def test_a_link_to_a_folder_is_not_entered(tmp_path: Path) -> None:
    write(tmp_path / "outside" / "secret")
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "link").symlink_to(tmp_path / "outside")

    assert [each.path for each in walk(tmp_path / "tree")] == [b"", b"link"]


def make_deep(top: Path, levels: int) -> None:
    top.mkdir()
    fd = os.open(top, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir("d", dir_fd=fd)
        inner = os.open("d", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = inner
    os.close(fd)


def test_folders_deeper_than_python_and_the_shell_can_go_are_walked_and_deleted(tmp_path: Path) -> None:
    make_deep(tmp_path / "tree", 2040)

    depth = max(each.path.count(b"/") for each in walk(tmp_path / "tree"))
    remove(tmp_path / "tree")

    assert depth == 2039
    assert list(tmp_path.iterdir()) == []


def test_deleting_makes_folders_writable_but_never_touches_a_file_that_another_snapshot_shares(tmp_path: Path) -> None:
    kept = write(tmp_path / "kept", mode=0o400)
    before = kept.stat()
    inner = tmp_path / "tree" / "a" / "b"
    inner.mkdir(parents=True)
    (inner / "shared").hardlink_to(kept)
    for folder in (inner, inner.parent, tmp_path / "tree"):
        folder.chmod(0o000)

    remove(tmp_path / "tree")

    after = kept.stat()
    assert (after.st_mode, after.st_mtime_ns, after.st_size) == (before.st_mode, before.st_mtime_ns, before.st_size)
    assert not (tmp_path / "tree").exists()


def test_deleting_a_link_leaves_what_it_points_to(tmp_path: Path) -> None:
    secret = write(tmp_path / "outside" / "secret")
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "link").symlink_to(tmp_path / "outside")

    remove(tmp_path / "tree")

    assert secret.exists()


def test_the_way_to_one_folder_after_another_is_that_of_each_alone(tmp_path: Path) -> None:
    paths = [b"a/b/c", b"a/b", b"a/bc/c", b"", b"d", b"a/b/c"]
    for path in paths:
        (tmp_path / os.fsdecode(path)).mkdir(parents=True, exist_ok=True)

    with OpenWay(tmp_path) as way:
        found = [os.fstat(way.to(path)).st_ino for path in paths]

    assert found == [(tmp_path / os.fsdecode(path)).stat().st_ino for path in paths]


def test_a_way_leads_through_no_link_and_goes_on_after_what_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/link").symlink_to("b")
    write(tmp_path / "a/file")

    with OpenWay(tmp_path) as way:
        for path in (b"a/link", b"a/file/x", b"a/gone/x"):
            with pytest.raises((NotADirectoryError, FileNotFoundError)):
                way.to(path)
        assert os.fstat(way.to(b"a/b")).st_ino == (tmp_path / "a/b").stat().st_ino


def test_a_way_leaves_no_folder_open(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    before = len(list(Path("/proc/self/fd").iterdir()))

    with OpenWay(tmp_path) as way:
        way.to(b"a/b")

    assert len(list(Path("/proc/self/fd").iterdir())) == before
