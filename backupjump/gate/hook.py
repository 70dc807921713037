"""Run a program that the policy offers, and tell the Server how it ended: bounded, escaped, within a time limit."""

from __future__ import annotations

import json
import os
import select
import time
from collections.abc import Sequence

from backupjump.errors import ProgramMissing
from backupjump.escape import shown_lines
from backupjump.process import Child, spawn

HOOK_SECONDS = 3600.0

_KEPT_BYTES = 16 * 1024
# Escaped once more by JSON, this stays below 64 KiB, whatever the characters.
_MOST_LINES = 20
_MOST_CHARACTERS = 200
_LOOK_EVERY_SECONDS = 0.5
# As timeout(1) and the shells have them.
_TIMED_OUT = 124
_NOT_STARTED = 127


def answer_hook(name: str, argv: Sequence[str], *, seconds: float = HOOK_SECONDS) -> str:
    """Run `argv` to its end and return one line of JSON: `hook`, `status`, `said` (its last lines, escaped).

    `status` is the program's own, 128 + N after signal N, 124 if its time was over, 127 if it could not be started.
    Whatever it has started in its process group ends with it.
    """
    status, said = _run(argv, seconds)
    last = b"\n".join([line for line in said.splitlines() if line.strip()][-_MOST_LINES:])
    return json.dumps({"hook": name, "status": status, "said": shown_lines(last, limit=_MOST_CHARACTERS).splitlines()})


def _run(argv: Sequence[str], seconds: float) -> tuple[int, bytes]:
    reading, writing = os.pipe()
    try:
        try:
            child = spawn(argv, stdout=writing, stderr=writing)
        except ProgramMissing as error:
            return _NOT_STARTED, str(error).encode()
        finally:
            os.close(writing)
        with child:
            return _follow(child, reading, time.monotonic() + seconds)
    finally:
        os.close(reading)


def _follow(child: Child, reading: int, deadline: float) -> tuple[int, bytes]:
    """Return status and last bytes of the output, which may be endless."""
    kept, ended = b"", None
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            return _TIMED_OUT, kept
        # A program left behind in the background may hold the pipe open for ever.
        wait = 0.0 if ended is not None else min(left, _LOOK_EVERY_SECONDS)
        if select.select([reading], [], [], wait)[0]:
            chunk = os.read(reading, 65536)
            kept = (kept + chunk)[-_KEPT_BYTES:]
            if chunk:
                continue
            ended = child.wait(max(left, 0.0))
        if ended is not None:
            return (ended if ended >= 0 else 128 - ended), kept
        ended = child.poll()
