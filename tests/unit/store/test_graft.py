"""A tree of links becomes the next snapshot's: what changed goes out, what arrived comes in, and nothing else stirs."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from backupjump.store.change_list import Change
from backupjump.store.graft import Folders, GraftFailed, link_moved, look_up, put_in, rename_moved, take_out_changed
from backupjump.store.prepared import TakenAwayError, link_tree
from change_lines import change, entry, folder, listed
from fingerprint import fingerprint
from store_world import WRITTEN_AT, write

WHEN = (WRITTEN_AT, WRITTEN_AT)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """Return a tree with files, links and folders of odd modes, all of an old time."""
    home = tmp_path / "base/h"
    for name in ("a", "d/b", "d/e/c"):
        write(home / name, name.encode())
    (home / "link").symlink_to("/etc")
    os.mkfifo(home / "d/fifo")
    (home / "also").hardlink_to(home / "a")
    os.setxattr(home / "d", "user.note", b"x")
    for each, mode in ((home / "d/e", 0o500), (home / "d", 0o2555), (home, 0o711)):
        each.chmod(mode)
        os.utime(each, WHEN)
    return tmp_path / "base"


@pytest.fixture
def tree(tmp_path: Path, base: Path) -> Path:
    """Return a tree of links to all of `base`."""
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/h").mkdir()
    link_tree(base / "h", tmp_path / "tree/h")
    return tmp_path / "tree"


@pytest.fixture
def arrived(tmp_path: Path) -> Path:
    """Return the tree that rsync fills, with nothing but the source."""
    (tmp_path / "arrived/h").mkdir(parents=True)
    return tmp_path / "arrived"


def gone(path: bytes, kind: str = "file") -> Change:
    return change(folder(path) if kind == "dir" else entry(path), None)


def test_a_linked_tree_is_the_same_in_all_but_its_folders(base: Path, tree: Path) -> None:
    assert fingerprint(tree / "h") == fingerprint(base / "h")
    assert (tree / "h/d/b").samefile(base / "h/d/b")
    assert not (tree / "h/d").samefile(base / "h/d")


def test_how_many_names_were_linked_is_told(base: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()

    assert link_tree(base / "h", tmp_path / "other") == 8


def test_linking_that_is_told_to_stop_stops(base: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()

    with pytest.raises(TakenAwayError):
        link_tree(base / "h", tmp_path / "other", stop=lambda: True)


def test_what_a_folder_inherited_here_is_taken_from_it(base: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    os.setxattr(tmp_path / "other", "user.inherited", b"x")

    link_tree(base / "h", tmp_path / "other")

    assert os.listxattr(tmp_path / "other") == os.listxattr(base / "h")


def test_what_went_is_taken_out_and_its_folder_keeps_time_and_mode(base: Path, tree: Path) -> None:
    take_out_changed(tree, [gone(b"h/d/e/c"), gone(b"h/link")])

    expected, found = fingerprint(base / "h"), fingerprint(tree / "h")
    assert {name: each for name, each in expected.items() if name not in ("d/e/c", "link")} == found


def test_a_folder_goes_after_all_that_is_in_it(tree: Path) -> None:
    names = [gone(b"h/d", "dir"), gone(b"h/d/b"), gone(b"h/d/e", "dir"), gone(b"h/d/e/c"), gone(b"h/d/fifo")]

    take_out_changed(tree, names)

    assert not (tree / "h/d").exists()


def test_a_folder_that_stays_is_left_and_a_name_that_is_new_is_none_to_take_out(base: Path, tree: Path) -> None:
    stays = change(folder(b"h/d"), listed(folder(b"h/d", mode=0o700)))

    take_out_changed(tree, [stays, change(None, listed(entry(b"h/new")))])

    assert fingerprint(tree / "h") == fingerprint(base / "h")


def test_what_arrived_is_linked_and_the_folders_that_came_get_their_attributes(tree: Path, arrived: Path) -> None:
    write(arrived / "h/d/new")
    (arrived / "h/d").chmod(0o750)
    os.utime(arrived / "h/d", (5, 5))

    came = put_in(tree, arrived, [b"h"], wanted={b"h/d", b"h/d/new"})

    assert (tree / "h/d/new").samefile(arrived / "h/d/new")
    assert ((tree / "h/d").stat().st_mode & 0o7777, (tree / "h/d").stat().st_mtime) == (0o750, 5)
    assert os.listxattr(tree / "h/d") == []
    assert came == {b"h/d"}
    assert ((tree / "h").stat().st_mode & 0o7777, (tree / "h").stat().st_mtime) == (0o711, WRITTEN_AT)


def test_what_nobody_asked_for_is_not_taken(base: Path, tree: Path, arrived: Path) -> None:
    write(arrived / "h/unasked")
    write(arrived / "h/folder/in it")
    write(arrived / "h/folder/deeper/in it")

    put_in(tree, arrived, [b"h"], wanted={b"h/folder/deeper/in it"})

    assert fingerprint(tree / "h") == fingerprint(base / "h")


def test_the_source_itself_is_not_dressed_as_what_rsync_made_for_the_rest(tree: Path, arrived: Path) -> None:
    write(arrived / "h/new")

    came = put_in(tree, arrived, [b"h"], wanted={b"h/new"})

    assert (tree / "h").stat().st_mtime == WRITTEN_AT
    assert came == frozenset()


def a_file_where_a_folder_is(tree: Path, arrived: Path) -> object:
    write(arrived / "h/d")
    return put_in(tree, arrived, [b"h"], wanted={b"h/d"})


def a_folder_where_a_file_is(tree: Path, arrived: Path) -> object:
    (arrived / "h/a").mkdir()
    return put_in(tree, arrived, [b"h"], wanted={b"h/a"})


def a_folder_where_a_link_is(tree: Path, arrived: Path) -> object:
    write(arrived / "h/link/planted")
    return put_in(tree, arrived, [b"h"], wanted={b"h/link", b"h/link/planted"})


def a_file_that_was_not_taken_out(tree: Path, arrived: Path) -> object:
    write(arrived / "h/a")
    return put_in(tree, arrived, [b"h"], wanted={b"h/a"})


def a_name_that_is_not_there(tree: Path, _arrived: Path) -> object:
    return take_out_changed(tree, [gone(b"h/nothing")])


def a_folder_that_is_not_empty(tree: Path, _arrived: Path) -> object:
    return take_out_changed(tree, [gone(b"h/d", "dir")])


def a_name_below_a_link(tree: Path, _arrived: Path) -> object:
    return take_out_changed(tree, [gone(b"h/link/passwd")])


def a_folder_that_is_a_file(tree: Path, _arrived: Path) -> object:
    return take_out_changed(tree, [gone(b"h/d")])


def moved_from_nowhere(tree: Path, arrived: Path) -> object:
    return link_moved(tree, arrived / "moved", {b"h/x": b"h/nothing"})


def renamed_from_below_a_link(tree: Path, _arrived: Path) -> object:
    return rename_moved(tree, {b"h/x": b"h/link/passwd"})


def renamed_to_below_a_link(tree: Path, _arrived: Path) -> object:
    return rename_moved(tree, {b"h/link/x": b"h/a"})


@pytest.mark.parametrize(
    "misfit",
    [
        a_file_where_a_folder_is,
        a_folder_where_a_file_is,
        a_folder_where_a_link_is,
        a_file_that_was_not_taken_out,
        a_name_that_is_not_there,
        a_folder_that_is_not_empty,
        a_name_below_a_link,
        a_folder_that_is_a_file,
        moved_from_nowhere,
        renamed_from_below_a_link,
        renamed_to_below_a_link,
    ],
    ids=lambda each: each.__name__.replace("_", " "),
)
def test_what_does_not_fit_is_told_and_the_base_is_as_it_was(
    base: Path, tree: Path, arrived: Path, misfit: Callable[[Path, Path], object]
) -> None:
    before = fingerprint(base)

    with pytest.raises(GraftFailed):
        misfit(tree, arrived)

    assert fingerprint(base) == before


def test_no_folder_is_made_behind_a_link(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tree / "h/out").symlink_to(tmp_path / "outside")

    with pytest.raises(GraftFailed):
        rename_moved(tree, {b"h/out/planted/deeper/x": b"h/a"})

    assert list((tmp_path / "outside").iterdir()) == []


def test_what_moved_lies_at_its_new_place_with_nothing_sent(base: Path, tmp_path: Path) -> None:
    link_moved(base, tmp_path / "moved", {b"h/new/deep": b"h/d/b", b"h/x": b"h/a"})

    assert (tmp_path / "moved/h/new/deep").samefile(base / "h/d/b")
    assert (tmp_path / "moved/h/x").samefile(base / "h/a")


def test_in_a_private_tree_it_goes_there_once_and_its_old_folder_keeps_its_time(tree: Path) -> None:
    went = rename_moved(tree, {b"h/x": b"h/d/b", b"h/y": b"h/d/b"})

    assert went == {b"h/d/b"}
    assert ((tree / "h/x").read_bytes(), (tree / "h/y").exists()) == (b"d/b", False)
    assert (tree / "h/d").stat().st_mtime == WRITTEN_AT


@pytest.mark.parametrize(
    ("path", "is_there"),
    [(b"h/d/b", True), (b"h/link", True), (b"h/link/passwd", False), (b"h/a/x", False), (b"q", False)],
)
def test_a_look_follows_no_link(tree: Path, path: bytes, *, is_there: bool) -> None:
    with Folders(tree, to_change=False) as folders:
        found = look_up(folders, path)

    assert (found is not None) is is_there
