"""Run a program that the policy offers, and tell the Server how it ended: bounded, escaped, within a time limit.

The Server's own hooks are run by the same function.
"""

from __future__ import annotations

import json
import os
import select
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack

from backupjump.errors import ProgramMissing
from backupjump.escape import shown_lines
from backupjump.process import Child, running

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

    `status` is as `run_bounded` has it.
    """
    status, said = run_bounded(argv, seconds=seconds)
    last = shown_lines(last_lines(said, _MOST_LINES), limit=_MOST_CHARACTERS).splitlines()
    return json.dumps({"hook": name, "status": status, "said": last})


def run_bounded(
    argv: Sequence[str], *, seconds: float, environment: Mapping[str, str] | None = None
) -> tuple[int, bytes]:
    """Run `argv` to its end; return its status and the end of its output, 16 KiB however much it was.

    The status is the program's own, 128 + N after signal N, 124 if its time was over, 127 if it could not be started.
    Whatever it has started in its process group ends with it.
    """
    reading, writing = os.pipe()
    with ExitStack() as undo:
        undo.callback(os.close, reading)
        with ExitStack() as started:
            started.callback(os.close, writing)
            try:
                child = undo.enter_context(running(argv, stdout=writing, stderr=writing, environment=environment))
            except ProgramMissing as error:
                return _NOT_STARTED, str(error).encode()
        return _follow(child, reading, seconds)


def last_lines(said: bytes, most: int) -> bytes:
    """Return the last lines of an output that are not empty, `most` at the most."""
    return b"\n".join([line for line in said.splitlines() if line.strip()][-most:])


def _follow(child: Child, reading: int, seconds: float) -> tuple[int, bytes]:
    """Return status and last bytes of the output, which may be endless."""
    deadline, kept, ended = time.monotonic() + seconds, b"", None
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            return _TIMED_OUT, kept + f"\nended: its time was over, {seconds:g} s\n".encode()
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
