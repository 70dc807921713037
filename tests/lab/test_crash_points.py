"""Killed before any single operation, on any filesystem, a run costs no snapshot and the next one goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.crash_points import KILL, crash_everywhere
from lab.filesystems import KINDS

pytestmark = [pytest.mark.lab, pytest.mark.needs_root]

# In the long form each single point; this many are enough to notice that one step is in the wrong place.
EVERY = 13


@pytest.mark.parametrize("kind", KINDS)
def test_a_kill_costs_no_snapshot_and_the_next_run_goes_on(tmp_path: Path, kind: str) -> None:
    found = crash_everywhere(kind, KILL, tmp_path, every=EVERY)

    assert [point for point in found if point.violations] == []
    assert not found[-1].fired


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_a_kill_before_any_operation_costs_no_snapshot_and_the_next_run_goes_on(tmp_path: Path, kind: str) -> None:
    found = crash_everywhere(kind, KILL, tmp_path)

    assert [point for point in found if point.violations] == []
    assert len(found) > 100, "too few operations were counted: are these the events that Python raises?"
