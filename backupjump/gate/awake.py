"""Keep the Desktop from falling asleep while a pull runs; best effort, a pull goes on without."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from backupjump.errors import ProgramMissing
from backupjump.process import Child, spawn

INHIBITOR = Path("/usr/bin/systemd-inhibit")

# sd_booted(3): without it there is no logind to ask.
BOOTED = Path("/run/systemd/system")


def hold_awake(inhibitor: Path = INHIBITOR, booted: Path = BOOTED) -> Child | None:
    """Hold an inhibitor lock against sleep for as long as this process lives, whatever it becomes by exec.

    The lock belongs to a child that waits for the end of a pipe, whose other end we keep open and hand on: so the
    kernel ends it, also after a kill. None if there is nothing to ask. Whether logind agrees is not waited for.
    """
    if not (inhibitor.exists() and booted.exists()):
        return None
    reading, writing = os.pipe()
    words = ("--what=sleep", "--mode=block", "--who=backupjump", "--why=A backup is being pulled", "cat")
    with open(os.devnull, "wb") as nowhere, contextlib.suppress(ProgramMissing):  # noqa: PTH123
        try:
            child = spawn([str(inhibitor), *words], stdin=reading, stdout=nowhere, stderr=nowhere)
        finally:
            os.close(reading)
        os.set_inheritable(writing, True)  # noqa: FBT003 (positional only)
        return child
    os.close(writing)
    return None
