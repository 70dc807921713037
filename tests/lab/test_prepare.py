"""The next run's tree of links, made ahead: used where it fits, thrown away where it does not, and never a snapshot."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from backupjump.demo.lab import Lab
from fingerprint import fingerprint
from lab.gated import gated, meta, nightly, stand
from program import Said, argv, backupjump, until
from store_world import write

pytestmark = pytest.mark.lab

FILES = 60


@pytest.fixture
def world(lab: Lab) -> World:
    return World(lab)


class World:
    """A gated Desktop with settled files, and a job that has a first snapshot."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        desktop = gated(lab)
        self.home = desktop.home
        for number in range(FILES):
            write(self.home / f"folder {number % 3}" / f"{number}", b"%d" % number)
        settle(self.home)
        self.config = stand(lab, nightly(desktop), route="proxyjump")
        self.first = backupjump(self.config, "run", "nightly", "--json")
        assert self.first.code == 0, self.first
        self.job = lab.store / "desktop" / "nightly"
        self.prepared = self.job / "work" / "prepared"

    def folder_in(self, tree: Path) -> Path:
        return tree / str(self.home).lstrip("/") / "folder 0"

    def change_job(self, **keys: Any) -> None:
        file = self.config.parent / "jobs" / "nightly.yaml"
        file.write_text(json.dumps({**json.loads(file.read_text()), **keys}))

    def tree(self, run: Said) -> Path:
        return Path(self.job / "snapshots" / run.json["snapshot"] / "tree")


def settle(home: Path) -> None:
    """Wait until all that is there has been there for the two seconds in which a list trusts nothing."""
    youngest = max(path.lstat().st_ctime for path in home.rglob("*"))
    until(lambda: time.time() > youngest + 2.1)


def test_a_run_takes_the_tree_that_was_made_ahead_and_the_result_is_the_same(world: World) -> None:
    said = backupjump(world.config, "prepare", "nightly")
    ahead = world.folder_in(world.prepared / "tree").stat().st_ino
    write(world.home / "folder 0" / "new", b"new")
    (world.home / "folder 1" / "1").unlink()

    run = backupjump(world.config, "run", "nightly", "--json")

    assert (said.code, "is ready for the next run" in said.out, run.code) == (0, True, 0)
    assert meta(world.lab, run)["how"]["transfer"]["by"] == "list"
    assert world.folder_in(world.tree(run)).stat().st_ino == ahead
    assert not world.prepared.exists()
    place = str(world.home).lstrip("/")
    assert fingerprint(world.tree(run) / place) == fingerprint(world.home)


@pytest.mark.long
def test_what_is_ready_already_is_not_made_again(world: World) -> None:
    backupjump(world.config, "prepare", "nightly")
    ahead = world.prepared.stat().st_ino

    again = backupjump(world.config, "prepare", "nightly")

    assert (again.code, again.out) == (0, "nightly: a tree is ready for the next run\n")
    assert world.prepared.stat().st_ino == ahead


def test_a_tree_that_is_not_whole_or_of_another_snapshot_is_thrown_away(world: World) -> None:
    for spoil in ({"base": "2026-01-01T00-00-00Z", "names": 3}, None):
        backupjump(world.config, "prepare", "nightly")
        ahead = world.folder_in(world.prepared / "tree").stat().st_ino
        ready = world.prepared / "ready.json"
        ready.unlink()
        if spoil is not None:
            ready.write_text(json.dumps(spoil))

        run = backupjump(world.config, "run", "nightly", "--json")

        assert run.code == 0, run
        assert world.folder_in(world.tree(run)).stat().st_ino != ahead
        assert not world.prepared.exists()


def test_a_run_that_compares_everything_throws_it_away(world: World) -> None:
    backupjump(world.config, "prepare", "nightly")
    world.change_job(exclude=["*.none"])

    run = backupjump(world.config, "run", "nightly", "--json")

    assert run.code == 0, run
    assert meta(world.lab, run)["how"]["transfer"]["why"] == "the job's sources or rules were changed"
    assert not world.prepared.exists()


def test_killed_when_it_has_just_begun_it_costs_nothing(world: World) -> None:
    before = fingerprint(world.tree(world.first))
    with subprocess.Popen(argv(world.config, "prepare", "nightly")) as child:
        until(world.prepared.exists)
        child.kill()

    run = backupjump(world.config, "run", "nightly", "--json")

    assert (run.code, run.json["files_linked"]) == (0, world.first.json["files_total"]), run
    assert fingerprint(world.tree(world.first)) == before
    assert not world.prepared.exists()


@pytest.mark.long
def test_a_job_that_wants_none_gets_none(world: World) -> None:
    world.change_job(prepare="never")

    said = backupjump(world.config, "prepare", "nightly")

    assert (said.code, said.out) == (0, "nightly: nothing is made ahead (prepare: never)\n")
    assert not world.prepared.exists()
