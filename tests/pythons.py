"""Every Python of this machine that the Desktop's program must run in: 3.9 and newer."""

from __future__ import annotations

import shutil
from pathlib import Path

from backupjump.operations.installed import SYSTEM_PYTHON

_OLDEST, _NEWEST = 9, 20


def _found() -> list[str]:
    named = (shutil.which(f"python3.{minor}") for minor in range(_OLDEST, _NEWEST))
    # pyenv's own commands (shims) fail for a version that is not chosen; the versions themselves work.
    plain = [path for path in named if path and "shims" not in path]
    pyenv = [
        str(path)
        for minor in range(_OLDEST, _NEWEST)
        for path in sorted(Path("~/.pyenv/versions").expanduser().glob(f"3.{minor}.*/bin/python3"))
    ]
    return list(dict.fromkeys([SYSTEM_PYTHON, *plain, *pyenv]))


PYTHONS = _found()
"""Paths, the system's own first; which they were stands in the names of the tests."""
