"""Run the real program to its end and see how much memory it took, its children with it."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from program import argv


@dataclass(frozen=True)
class Measured:
    """What came of it: its exit code, its Run, what it said for people, how long it took, its largest process."""

    code: int
    run: dict[str, Any]
    err: str
    seconds: float
    memory_bytes: int


# What a process was before its exec counts in its ru_maxrss, so a small one stands between it and the tests' own.
# Source: getrusage(2); Linux, fs/exec.c, exec_mmap.
_BETWEEN = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[2:])
_, status, usage = os.wait4(process.pid, 0)
process.returncode = os.waitstatus_to_exitcode(status)
with open(sys.argv[1], "w") as file:
    file.write(str(usage.ru_maxrss * 1024))
sys.exit(process.returncode)
"""


def measured_run(config: Path, job: str) -> Measured:
    """Run `job` to its end."""
    with tempfile.NamedTemporaryFile("r") as memory:
        words = [sys.executable, "-c", _BETWEEN, memory.name, *argv(config, "run", job, "--json")]
        started = time.monotonic()
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        seconds = time.monotonic() - started
        memory_bytes = int(memory.read())
    err = done.stderr.decode("utf-8", "surrogateescape")
    return Measured(done.returncode, json.loads(done.stdout), err, seconds, memory_bytes)
