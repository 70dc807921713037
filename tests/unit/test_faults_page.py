"""Each test that docs/faults.md names is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_fault_is_shown_by_a_test_that_exists() -> None:
    page = (ROOT / "docs/faults.md").read_text()
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", page)
    rows = [line for line in page.splitlines() if line.startswith("| ") and not line.startswith("| fault")]

    missing = [name for path, name in named if f"def {name}(" not in (ROOT / path).read_text()]

    assert missing == []
    assert [row for row in rows if "::test_" not in row] == []
