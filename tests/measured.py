"""Run the real program to its end and see how much memory it took, its children with it."""

from __future__ import annotations

import json
import os
import subprocess
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


def measured_run(config: Path, job: str) -> Measured:
    """Run `job` to its end."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started = time.monotonic()
        process = subprocess.Popen(argv(config, "run", job, "--json"), stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        try:
            _pid, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            raise
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - started
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode("utf-8", "surrogateescape"))
    # ru_maxrss is in KiB, the largest of the process and all that it has waited for.  Source: getrusage(2).
    memory_bytes = usage.ru_maxrss * 1024
    return Measured(process.returncode, json.loads(texts[0]), texts[1], seconds, memory_bytes)
