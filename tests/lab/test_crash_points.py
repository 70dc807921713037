"""Killed before any single operation, on any filesystem, a run costs no snapshot and the next one goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from backupjump.config.models import StoreKind
from lab.crash_points import KILL, STORES, crash_everywhere

pytestmark = [pytest.mark.lab, pytest.mark.needs_root]

# In the long form each single point; this many are enough to notice that one step is in the wrong place.
EVERY = 29


@pytest.mark.parametrize(("kind", "store_kind"), STORES)
def test_a_kill_costs_no_snapshot_and_the_next_run_goes_on(tmp_path: Path, kind: str, store_kind: StoreKind) -> None:
    found = crash_everywhere(kind, KILL, tmp_path, store_kind=store_kind, every=EVERY)

    assert [point for point in found if point.violations] == []
    assert not found[-1].fired


@pytest.mark.long
@pytest.mark.parametrize(("kind", "store_kind"), STORES)
def test_a_kill_before_any_operation_costs_no_snapshot(tmp_path: Path, kind: str, store_kind: StoreKind) -> None:
    found = crash_everywhere(kind, KILL, tmp_path, store_kind=store_kind)

    assert [point for point in found if point.violations] == []
    assert len(found) > 80, "too few operations were counted: are these the events that Python raises?"
