"""Restores with a real rsync: what is refused, and that nothing is written then."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from backupjump.errors import RestoreRefused, StoreError, UsageError
from backupjump.operations.restore.decisions import Mode
from backupjump.operations.restore.job import restore
from backupjump.operations.restore.target import TargetFolder
from fingerprint import fingerprint
from restore_world import HOME, World, bring_back, make_world, planned

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.lab


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("place", ["home", HOME, f"{HOME}/docs", f"{HOME}/docs/deep", f"{HOME}/empty"])
@pytest.mark.parametrize("wanted", [f"/{HOME}", f"/{HOME}/docs/deep/er/letter.txt", f"/{HOME}/empty"])
def test_nothing_is_written_through_a_symlink(world: World, mode: Mode, place: str, wanted: str) -> None:
    outside = world.target.parent / "outside"
    outside.mkdir()
    (outside / "mine").write_text("mine")
    (world.target / place).parent.mkdir(parents=True)
    (world.target / place).symlink_to(outside)
    before = fingerprint(outside)
    on_the_way = wanted.startswith(f"/{place}") or place.startswith(wanted.strip("/"))

    if on_the_way:
        with pytest.raises(RestoreRefused, match=f"{place} below the target is a symlink"):
            bring_back(world, wanted, mode=mode)
    else:
        bring_back(world, wanted, mode=mode)

    assert fingerprint(outside) == before
    assert (world.target / place).is_symlink()


def test_a_symlink_in_a_file_s_place_is_replaced_not_followed(world: World) -> None:
    outside = world.target.parent / "outside"
    outside.write_text("mine")
    place = world.target / HOME / "docs" / "plain.txt"
    place.parent.mkdir(parents=True)
    place.symlink_to(outside)

    assert bring_back(world, f"/{HOME}/docs/plain.txt").kept == 1
    bring_back(world, f"/{HOME}/docs/plain.txt", mode=Mode.KEEP_OLD)

    assert outside.read_text() == "mine"
    assert place.read_text() == "plain"
    assert place.with_name(f"plain.txt.before-{world.snapshot.id}").is_symlink()


@pytest.mark.parametrize("mode", Mode)
def test_a_symlink_that_comes_up_after_the_plan_is_refused(world: World, mode: Mode) -> None:
    outside = world.target.parent / "outside"
    outside.mkdir()
    plan = planned(world, mode=mode)
    (world.target / HOME).mkdir(parents=True)
    (world.target / HOME / "docs").symlink_to(outside)

    with pytest.raises(RestoreRefused, match="symlink"):
        restore(plan)

    assert list(outside.iterdir()) == []


def test_a_target_that_is_named_through_a_symlink_is_fine(world: World) -> None:
    (world.target.parent / "real").mkdir()
    world.target.symlink_to(world.target.parent / "real")

    bring_back(world)

    assert fingerprint(world.target.parent / "real" / HOME) == fingerprint(world.desktop / HOME)


def test_a_target_in_the_store_or_around_it_is_refused(world: World) -> None:
    link = world.target.parent / "link"
    link.symlink_to(world.store)

    for target in (world.store, world.snapshot.tree, link / "new"):
        with pytest.raises(RestoreRefused, match="in the store"):
            planned(world, target=target)


def test_a_store_in_a_folder_that_is_restored_exactly_is_no_extra(tmp_path: Path) -> None:
    docs = tmp_path / HOME / "docs"
    docs.mkdir(parents=True)
    world = make_world(docs)

    with pytest.raises(RestoreRefused, match="would change the store"):
        planned(world, f"/{HOME}/docs", mode=Mode.EXACT, target=tmp_path)

    bring_back(world, f"/{HOME}/docs", mode=Mode.KEEP_OLD, target=tmp_path)
    assert (docs / "plain.txt").read_text() == "plain"


def test_a_store_where_the_restore_would_write_is_refused(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    place = tmp_path / HOME / "docs" / "deep"
    place.parent.mkdir(parents=True)
    world.store.rename(place)
    snapshot = replace(world.snapshot, path=place / world.snapshot.path.relative_to(world.store))
    moved = replace(world, store=place, snapshot=snapshot)

    for mode in Mode:
        with pytest.raises(RestoreRefused, match="would change the store"):
            planned(moved, mode=mode, target=tmp_path)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda path: path.unlink(), "No such file"),
        (lambda path: path.write_text("longer than it was"), "18 bytes long, not 4"),
        (lambda path: (path.unlink(), path.mkdir()), "no longer a file"),
    ],
)
def test_a_snapshot_that_lacks_what_its_manifest_lists_is_refused(
    world: World, damage: Callable[[Path], None], words: str
) -> None:
    damage(world.snapshot.tree / HOME / "docs" / "deep" / "er" / "letter.txt")

    with pytest.raises(RestoreRefused, match=rf"docs/deep/er/letter\.txt is in its manifest.*{words}"):
        bring_back(world)

    assert not world.target.exists()
    bring_back(world, f"/{HOME}/links")


def test_a_manifest_that_is_another_one_is_refused(world: World) -> None:
    with world.snapshot.manifest.open("ab") as file:
        file.write(b"\0")

    with pytest.raises(StoreError, match="not the one that was written"):
        bring_back(world)


def test_a_path_that_is_not_in_the_snapshot_is_refused_with_a_guess(world: World) -> None:
    with pytest.raises(UsageError, match=r"no /home/me/docs/plane\.txt") as caught:
        bring_back(world, f"/{HOME}/docs/script", f"/{HOME}/docs/plane.txt")

    assert caught.value.hint == "did you mean /home/me/docs/plain.txt?"
    assert not world.target.exists()


def test_a_file_as_the_target_is_refused(world: World) -> None:
    world.target.write_text("a file")

    with pytest.raises(RestoreRefused, match="is not a folder"):
        planned(world)


def test_a_target_below_a_file_is_refused_with_the_file_s_name(world: World) -> None:
    world.target.write_text("a file")

    with pytest.raises(RestoreRefused, match=f"^{world.target} is not a folder$"):
        planned(replace(world, target=world.target / "in" / "it"))


def test_trouble_with_the_target_itself_is_told_as_such(tmp_path: Path) -> None:
    with pytest.raises(RestoreRefused, match=r"^the target folder: No such file or directory$"):
        TargetFolder(tmp_path / "gone").names(b"")
