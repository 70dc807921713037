"""What all tests share: the lab, and which tests a plain user or the short form leaves out, counted."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import settings

from backupjump.demo.lab import Lab
from desktop_program import remove_bundle

# A busy machine is not a mistake.
settings.register_profile("unhurried", settings.get_profile(settings.get_current_profile_name()), deadline=None)
settings.load_profile("unhurried")

_DESELECTED = "backupjump_deselected"
# The others have the limit of pyproject.toml.
_LONG_SECONDS = 3600


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """The three roles with real sshds on loopback; the tunnel is closed until the test opens it."""
    with Lab(tmp_path / "lab") as running:
        yield running


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all", action="store_true", help="the long form: also the tests marked `long`")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if "long" in item.keywords:
            item.add_marker(pytest.mark.timeout(_LONG_SECONDS))
    left_out = [item for item in items if _is_left_out(item, config)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    if hasattr(config, "workeroutput"):
        config.workeroutput[_DESELECTED] = [item.nodeid for item in left_out]


def pytest_sessionfinish() -> None:
    remove_bundle()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Count under xdist too: each worker leaves out the same tests, and the last line is the controller's."""
    reporter = node.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and "deselected" not in reporter.stats:
        left_out = getattr(node, "workeroutput", {}).get(_DESELECTED, [])
        if left_out:
            reporter.stats["deselected"] = [SimpleNamespace(nodeid=nodeid) for nodeid in left_out]


def _is_left_out(item: pytest.Item, config: pytest.Config) -> bool:
    if "long" in item.keywords and not config.getoption("--all"):
        return True
    return "needs_root" in item.keywords and os.getuid() != 0
