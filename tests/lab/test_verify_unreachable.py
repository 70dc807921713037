"""A verify goes through to its end where a part of the store can't be reached, and says so."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from backupjump.store.verify.differences import Kind
from verify_world import World, make_world, rot

pytestmark = pytest.mark.lab


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


@pytest.mark.parametrize("heal", [False, True])
def test_damage_is_named_and_healed_beside_a_snapshot_whose_tree_is_gone(world: World, *, heal: bool) -> None:
    shutil.rmtree(world.snapshots[0].tree)
    rot(world.stored("rotten"))

    found = world.verify(every=True, heal=heal)

    rotten = [each.damage for each in found.outcomes if each.damage.kind is Kind.CONTENT]
    assert [(each.path, each.snapshots) for each in rotten] == [(world.path("rotten"), world.ids[1:])]
    missing = {each.damage.snapshots for each in found.outcomes if each.damage.kind is Kind.MISSING}
    assert missing == {world.ids[:1]}


def test_a_link_in_the_place_of_a_folder_above_the_source_is_damage_and_not_followed(world: World) -> None:
    tree = world.snapshots[-1].tree
    above = tree / world.home.relative_to("/").parts[0]
    above.rename(tree / "moved")
    above.symlink_to("moved")

    found = world.verify()

    assert world.path("same") in {each.damage.path for each in found.outcomes}
    assert found.exit_code == 4


def test_a_snapshot_that_can_t_be_opened_is_damage(world: World) -> None:
    path = world.snapshots[0].path
    path.rename(path.with_name("elsewhere"))
    path.touch()

    found = world.verify()

    assert [(each.damage.kind, each.damage.snapshots) for each in found.outcomes] == [(Kind.META, (path.name,))]
    assert found.exit_code == 4
