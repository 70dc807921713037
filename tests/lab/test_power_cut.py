"""A power cut at any moment, on any filesystem, costs no snapshot; and the looking does find what naive ways cost."""

from __future__ import annotations

from pathlib import Path

import pytest

from backupjump.config.models import StoreKind
from backupjump.store.store import open_store
from lab.crash_points import KILL, POWER_CUT, POWER_CUT_AFTER_A_SYNC, STORES, crash, crash_everywhere, points, scene
from lab.filesystems import SHUTDOWN_KINDS, disk
from lab.naive_backups import fill_the_published, publish_unsynced
from store_world import make_store, write

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


@pytest.mark.parametrize("kind", SHUTDOWN_KINDS)
def test_what_was_written_out_on_the_way_is_there_after_a_power_cut(tmp_path: Path, kind: str) -> None:
    with disk(kind, tmp_path / "disk") as made:
        store = make_store(made.folder / "store").store
        with open_store(store, uuid=None) as opened:
            write(store / "early", b"early" * 10_000)
            opened.write_out(every_seconds=60)  # it was opened just now
            opened.write_out()
        write(store / "late", b"late" * 10_000)

        made.cut_power()

        assert (store / "early").read_bytes() == b"early" * 10_000
        assert not (store / "late").exists()
