"""A power cut at any moment, on any filesystem, costs no snapshot; and the looking does find what naive ways cost."""

from __future__ import annotations

from pathlib import Path

import pytest

from backupjump.config.models import StoreKind
from lab.crash_points import KILL, POWER_CUT, POWER_CUT_AFTER_A_SYNC, STORES, crash, crash_everywhere, points, scene
from lab.filesystems import SHUTDOWN_KINDS
from lab.naive_backups import fill_the_published, publish_unsynced

pytestmark = [pytest.mark.lab, pytest.mark.needs_root]

EVERY = 29
WAYS = (POWER_CUT, POWER_CUT_AFTER_A_SYNC)
# A btrfs that is made anew for each point takes the longest; the long form has it with each way.
FEW = [(way, *store) for way in WAYS for store in STORES if (way, store[0]) != (POWER_CUT_AFTER_A_SYNC, "btrfs")]
# More operations than any backup here has: it ends well before the power goes.
NEVER = 100_000


@pytest.mark.parametrize(("way", "kind", "store_kind"), FEW)
def test_a_power_cut_costs_no_snapshot_and_the_next_run_goes_on(
    tmp_path: Path, kind: str, store_kind: StoreKind, way: str
) -> None:
    found = crash_everywhere(kind, way, tmp_path, store_kind=store_kind, every=EVERY)

    assert [point for point in found if point.violations] == []
    assert not found[-1].fired


@pytest.mark.long
@pytest.mark.parametrize(("kind", "store_kind"), STORES)
@pytest.mark.parametrize("way", WAYS)
def test_a_power_cut_before_any_operation_costs_no_snapshot(
    tmp_path: Path, kind: str, store_kind: StoreKind, way: str
) -> None:
    found = crash_everywhere(kind, way, tmp_path, store_kind=store_kind)

    assert [point for point in found if point.violations] == []
    assert len(found) > 80, "too few operations were counted: are these the events that Python raises?"


@pytest.mark.parametrize("kind", SHUTDOWN_KINDS)
def test_a_rename_without_a_sync_before_it_is_caught(tmp_path: Path, kind: str) -> None:
    with scene(kind, tmp_path) as before:
        point = crash(before, POWER_CUT, NEVER, backup=publish_unsynced)

    assert point.violations


def test_filling_a_published_folder_is_caught(tmp_path: Path) -> None:
    with scene("ext4", tmp_path) as before:
        found = [*points(before, KILL, every=7, backup=fill_the_published)]

    assert any(point.violations for point in found if point.fired)
