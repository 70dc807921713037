"""Which files of an older tree today's rules would still take, asked of the real rsync."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from backupjump.rsync.selection import select_again
from rsync_world import ODD_NAMES, plan_of

pytestmark = pytest.mark.lab


@pytest.fixture
def tree(source: Path) -> Path:
    """The older tree: the source lies in it at its own path."""
    return source.parents[1]


def taken(tree: Path, **rules: Any) -> set[bytes]:
    paths: list[bytes] = []
    assert select_again(plan_of("/home/me", tree.parent / "unused", ("ssh",), **rules), tree, on_path=paths.append)
    assert len(paths) == len(set(paths))
    return {path.removeprefix(b"home/me/") for path in paths}


def regular_files(source: Path) -> set[bytes]:
    return {
        os.fsencode(path.relative_to(source)) for path in source.rglob("*") if path.is_file() and not path.is_symlink()
    }


def test_without_rules_every_file_is_taken_whatever_its_name(source: Path, tree: Path) -> None:
    before = sorted(tree.rglob("*"))

    assert taken(tree, default_excludes=False) == regular_files(source)
    assert {b"odd/" + name for name in ODD_NAMES} <= taken(tree)
    assert sorted(tree.rglob("*")) == before


@pytest.mark.parametrize(
    ("rules", "left_out"),
    [
        ({"exclude": ("/home/me/odd/",)}, {b"odd/" + name for name in ODD_NAMES}),
        ({"exclude": ("odd/*",), "include": ("tab*",)}, {b"odd/" + name for name in ODD_NAMES} - {b"odd/tab\there"}),
        ({"exclude": ("big",)}, {b"big"}),
        ({"exclude": ("/elsewhere/odd/",)}, set()),
    ],
)
def test_what_the_rules_leave_out_is_not_taken(
    source: Path, tree: Path, rules: dict[str, Any], left_out: set[bytes]
) -> None:
    assert taken(tree, default_excludes=False, **rules) == regular_files(source) - left_out


def test_a_file_that_is_too_large_today_is_not_taken(source: Path, tree: Path) -> None:
    large = {path for path in regular_files(source) if (source / os.fsdecode(path)).stat().st_size > 100_000}

    assert large
    assert taken(tree, default_excludes=False, max_size=100_000) == regular_files(source) - large


def test_a_source_that_the_older_tree_does_not_have_has_nothing_to_take(tree: Path) -> None:
    plan = plan_of("/srv/data", tree.parent / "unused", ("ssh",))

    assert select_again(plan, tree, on_path=lambda path: pytest.fail(str(path)))
