"""docs/security.md has all forty cases, and each test that it names is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/security.md").read_text()
ATTACKS = PAGE[PAGE.index("## The gate") : PAGE.index("## What is not promised")]
CASES = [f"{kind}{number}" for kind, last in (("G", 21), ("K", 9), ("S", 10)) for number in range(1, last + 1)]


def rows() -> list[str]:
    lines = [line for line in ATTACKS.splitlines() if line.startswith("| ")]
    return [line for line in lines if not line.startswith(("| case", "| attack"))]


def test_each_of_the_forty_cases_has_one_row_in_order() -> None:
    assert len(CASES) == 40
    assert [found[1] for row in rows() if (found := re.match(r"\| ([GKS]\d+) \|", row))] == CASES


def test_every_attack_is_shown_by_a_test_that_exists() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)

    missing = [name for path, name in named if f"def {name}(" not in (ROOT / path).read_text()]

    assert missing == []
    assert [row for row in rows() if "::test_" not in row] == []


def test_no_name_of_a_test_is_written_so_that_it_is_not_looked_for() -> None:
    assert ATTACKS.count("::test_") == len(re.findall(r"`tests/[\w/]+\.py::test_\w+`", ATTACKS))
