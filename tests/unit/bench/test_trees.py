"""The benchmark's trees: the same from the same seed, as large as they should be, and changed as much."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bench.trees import SHAPES, Shape, make_tree, mutate

SMALL = Shape(files=400, total_bytes=1_000_000, folders=40, depth=3)


def tree_at(folder: Path, shape: Shape = SMALL, *, seed: int = 1) -> Path:
    folder.mkdir()
    make_tree(folder, shape, seed=seed)
    return folder


def contents(top: Path) -> dict[str, bytes]:
    files = (each for each in top.rglob("*") if each.is_file() and not each.is_symlink())
    return {str(each.relative_to(top)): each.read_bytes() for each in files}


def test_the_same_seed_makes_the_same_tree_and_another_one_another(tmp_path: Path) -> None:
    first, again, other = (
        contents(tree_at(tmp_path / name, seed=seed)) for name, seed in (("first", 1), ("again", 1), ("other", 2))
    )

    assert first == again
    assert first != other


def test_a_tree_has_its_files_its_bytes_its_folders_and_goes_no_deeper(tmp_path: Path) -> None:
    top = tree_at(tmp_path / "tree")

    found = contents(top)
    folders = [each.relative_to(top) for each in top.rglob("*") if each.is_dir()]
    assert len(found) == SMALL.files
    assert sum(map(len, found.values())) == pytest.approx(SMALL.total_bytes, rel=0.02)
    assert len(folders) == SMALL.folders
    assert max(len(each.parts) for each in folders) == SMALL.depth


def test_half_of_the_files_are_text_and_no_two_files_have_the_same_content(tmp_path: Path) -> None:
    found = contents(tree_at(tmp_path / "tree"))

    assert sum(content.isascii() for content in found.values()) == pytest.approx(SMALL.files / 2, rel=0.05)
    assert len({content for content in found.values() if len(content) > 16}) == sum(
        len(content) > 16 for content in found.values()
    )


def test_a_mutation_changes_1_percent_and_adds_deletes_and_renames_half_as_many_each(tmp_path: Path) -> None:
    top = tree_at(tmp_path / "tree")
    before = contents(top)

    done = mutate(top, seed=5)

    after = contents(top)
    assert [len(each) for each in (done.changed, done.added, done.deleted, done.renamed)] == [4, 2, 2, 2]
    assert {name for name in before.keys() & after.keys() if before[name] != after[name]} == set(done.changed)
    assert after.keys() - before.keys() == {*done.added, *done.renamed}
    assert before.keys() - after.keys() > set(done.deleted)
    assert {after[name] for name in done.renamed} <= set(before.values())
    assert all(len(before[name]) == len(after[name]) for name in done.changed), "only its time tells"


def test_the_same_seed_makes_the_same_mutation(tmp_path: Path) -> None:
    one, other = tree_at(tmp_path / "one"), tree_at(tmp_path / "other")

    assert mutate(one, seed=5) == mutate(other, seed=5)
    assert contents(one) == contents(other)


def test_of_big_files_one_part_of_one_is_overwritten_where_it_is(tmp_path: Path) -> None:
    big = Shape(files=2, total_bytes=16 << 20, folders=1, depth=1, is_big=True)
    top = tree_at(tmp_path / "tree", big)
    before = contents(top)

    done = mutate(top, seed=5)

    (changed,) = done.changed
    after = contents(top)
    assert after.keys() == before.keys()
    assert len(after[changed]) == len(before[changed])
    different = sum(a != b for a, b in zip(after[changed], before[changed], strict=True))
    assert 0.005 < different / len(before[changed]) <= 0.01


def test_a_smaller_tree_of_big_files_has_as_many_of_them() -> None:
    assert SHAPES["big"].scaled(64).files == 4
    assert SHAPES["home"].scaled(40).files == 1500


def test_a_tree_has_a_link_that_leads_nowhere(tmp_path: Path) -> None:
    top = tree_at(tmp_path / "tree")

    links = [each for each in top.rglob("*") if each.is_symlink()]
    assert {os.readlink(each) for each in links} == {"../somewhere else"}  # noqa: PTH115 (text, not a path)
