"""One run of a job as a process of its own: one that crashes harms no other."""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from backupjump import process
from backupjump.logs import form_in_force

if TYPE_CHECKING:
    from pathlib import Path

    from backupjump.operations.serve.choose import Running

_LIMIT_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Started:
    """A run under way."""

    running: Running
    child: process.Child
    output: IO[bytes]
    stack: ExitStack

    def ask_to_end(self) -> None:
        """Tell it to end, in order and for its next run's good, and don't wait for that."""
        with suppress(ProcessLookupError):
            os.kill(self.child.pid, signal.SIGTERM)

    def end(self, *, grace_seconds: float) -> None:
        """Give it so long to end, then end it."""
        self.child.stop(grace=grace_seconds)
        self.stack.close()

    def told(self, status: int) -> str:
        """Return what the run that ended with `status` came to, from its line of JSON."""
        self.output.seek(0)
        return told(self.output.read(_LIMIT_BYTES), status)


def start_run(running: Running, *, config: Path) -> Started:
    """Start the run of a job if it is due; its log goes where ours goes."""
    words = ("run", running.job, "--if-due", "--json")
    argv = [sys.executable, "-P", "-m", "backupjump", "--config", str(config), "--log", form_in_force(), *words]
    with ExitStack() as stack:
        # A pipe that nobody empties meanwhile would stop a run that has much to say.
        output = stack.enter_context(tempfile.TemporaryFile())
        child = stack.enter_context(process.running(argv, stdout=output, stderr=sys.stderr.fileno()))
        return Started(running=running, child=child, output=output, stack=stack.pop_all())


def told(stdout: bytes, status: int) -> str:
    """Return what a run came to that printed `stdout`. Pure."""
    try:
        run = json.loads(stdout.splitlines()[-1])
        error = run["error"]
        return f"{run['status']}, {run['snapshot'] or (error and error['message'].partition(chr(10))[0]) or ''}"
    except (ValueError, IndexError, KeyError, TypeError):
        return f"ended with {status}"
