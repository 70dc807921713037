"""Killed, or without power, before any single operation a run by a list costs no snapshot, and the next one goes on."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from backupjump.config.models import StoreKind
from backupjump.run import Run
from backupjump.store.layout import JobFolder
from backupjump.store.runs import append_run
from lab.crash_points import KILL, POWER_CUT, points, scene
from list_world import Side, Taken, prepare_next, pull_as_ever, pull_by_list, pull_whole
from rsync_world import remote_shell

pytestmark = [pytest.mark.lab, pytest.mark.needs_root]

STORES = (("ext4", StoreKind.HARDLINK), ("btrfs", StoreKind.BTRFS))
WAYS = (KILL, POWER_CUT)
# In the long form each single point.
EVERY = 83


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("kind", "store_kind"), STORES)
def test_the_sudden_end_of_a_run_by_a_list_costs_no_snapshot(
    tmp_path: Path, kind: str, store_kind: StoreKind, way: str
) -> None:
    end_everywhere(tmp_path, kind, store_kind, way, every=EVERY)


@pytest.mark.long
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("kind", "store_kind"), STORES)
def test_nor_does_it_before_any_operation(tmp_path: Path, kind: str, store_kind: StoreKind, way: str) -> None:
    assert end_everywhere(tmp_path, kind, store_kind, way, every=1) > 80


def end_everywhere(place: Path, kind: str, store_kind: StoreKind, way: str, *, every: int) -> int:
    """End a run before each `every`-th of its operations and return how many times that was."""
    remote_shell(place)
    with scene(kind, place, store_kind=store_kind, take_last=take_whole) as before:
        found = tuple(points(before, way, every=every, backup=back_up, take_next=take_next))
    sys.stdout.write(f"\n{kind:6} {store_kind:9} {way:9} by a list {len(found):4} points")
    assert [point for point in found if point.violations] == []
    assert not found[-1].fired
    return len(found)


def back_up(folder: JobFolder, source: Path, tell: Callable[[str], None]) -> None:
    """Make a tree ahead, go by a list, and say what can be relied upon from then on."""
    prepare_next(side_of(folder, source))
    run = run_of(pull_by_list(side_of(folder, source), source), "day5")
    tell(f"published {run.snapshot}")
    append_run(folder, run)
    tell(f"noted {run.run_id}")


def take_whole(folder: JobFolder, source: Path, *, days: int) -> Run:
    return run_of(pull_whole(side_of(folder, source), source), f"day{days}")


def take_next(folder: JobFolder, source: Path, *, days: int) -> Run:
    return run_of(pull_as_ever(side_of(folder, source), source), f"day{days}")


def side_of(folder: JobFolder, source: Path) -> Side:
    return Side(folder=folder, shell=(str(source.parent / "remote shell's"),))  # noqa: S604 (rsync -e)


def run_of(taken: Taken, run_id: str) -> Run:
    return replace(taken.published.run, run_id=run_id)
