"""Run the real program as a person would: a process of its own, its words, its exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Said:
    """What the program printed and ended with."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its standard output as one JSON value."""
        return json.loads(self.out)


def argv(config: Path, *words: str) -> list[str]:
    """Return the words that start the program from this interpreter."""
    return [sys.executable, "-m", "backupjump", "--config", str(config), *words]


def backupjump(config: Path, *words: str, env: Mapping[str, str] | None = None, seconds: float = 120) -> Said:
    """Run the program to its end."""
    done = subprocess.run(
        argv(config, *words),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="surrogateescape",
        env={**os.environ, **(env or {})},
        timeout=seconds,
        check=False,
    )
    return Said(done.returncode, done.stdout, done.stderr)


def until(truth: Callable[[], Any], *, seconds: float = 15, what: str = "what was waited for") -> None:
    """Return as soon as `truth()` holds; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while not truth():
        assert time.monotonic() < deadline, f"{what} did not come about within {seconds} s"
        time.sleep(0.01)
