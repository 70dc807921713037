"""Days that pass in seconds for real programs: a wall clock that jumps when the test says so, and machines that sleep.

Between jumps all clocks go at their own pace, so a login takes the second that it takes. A jump moves the wall clock of
every program of the lab (libfaketime), the monotonic clock of those on machines that are awake, and the boot clock of
all (tests/lab/clocks). ssh, sshd and rsync live by the real time.
"""

from __future__ import annotations

import math
import os
import struct
import sys
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

_LIBRARY = "usr/lib/*/faketime/libfaketimeMT.so.1"
_SHARED = Path("/dev/shm")


class MachineClocks:
    """How far one machine's clocks have been moved: while it was awake, while it slept."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._awake = self._asleep = 0.0
        self._write()

    def move(self, step: timedelta, *, asleep: bool) -> None:
        """Let `step` have passed on it."""
        if asleep:
            self._asleep += step.total_seconds()
        else:
            self._awake += step.total_seconds()
        self._write()

    def _write(self) -> None:
        # In place: the programs have the file mapped.
        fd = os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o644)
        os.pwrite(fd, struct.pack("dd", self._awake, self._asleep), 0)
        os.close(fd)


class FakedTime:
    """The wall clock of the lab, and what a program needs in its environment to live by it."""

    def __init__(self, folder: Path, begin: datetime, *, zone: str) -> None:
        self._folder = folder
        self._zone = zone
        self._ahead = round(begin.timestamp() - time.time())
        self._library = _library()
        self._were_there = set(_SHARED.glob("*faketime_s*"))
        self._write()

    @property
    def now(self) -> datetime:
        """What the programs' clocks show."""
        return datetime.fromtimestamp(time.time() + self._ahead, UTC)

    def jump(self, to: datetime, *, awake: Iterable[MachineClocks], asleep: Iterable[MachineClocks]) -> None:
        """Let it be `to` at once; does nothing when that is past."""
        step = timedelta(seconds=math.ceil((to - self.now).total_seconds()))
        if step <= timedelta(0):
            return
        self._ahead += int(step.total_seconds())
        for each, sleeps in [*((each, False) for each in awake), *((each, True) for each in asleep)]:
            each.move(step, asleep=sleeps)
        self._write()

    def environment(self, clocks: MachineClocks, *, brief: bool = False) -> dict[str, str]:
        """Return what lets a program and those that it starts live by this clock, on the machine of `clocks`.

        A `brief` one sees no jump, and may clear its environment, as the gate does.
        """
        follow = {"FAKETIME_CACHE_DURATION": "3600"} if brief else {"FAKETIME_NO_CACHE": "1"}
        return {
            **follow,
            "TZ": self._zone,
            "LD_PRELOAD": str(self._library),
            "FAKETIME_TIMESTAMP_FILE": str(self._folder / "ahead"),
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_ONLY_CMDS": Path(sys.executable).name,
            "PYTHONPATH": str(Path(__file__).parent / "clocks"),
            "LAB_CLOCKS": str(clocks.path),
        }

    def clear(self) -> None:
        """Remove what libfaketime leaves of programs that were killed; a later one with that id would not start."""
        for path in set(_SHARED.glob("*faketime_s*")) - self._were_there:
            if not Path(f"/proc/{path.name.rpartition('_')[2]}").exists():
                path.unlink(missing_ok=True)

    def _write(self) -> None:
        fresh = self._folder / "ahead.new"
        fresh.write_text(f"+{self._ahead}\n")
        fresh.replace(self._folder / "ahead")


def _library() -> Path:
    found = next(Path("/").glob(_LIBRARY), None)
    assert found is not None, "libfaketime is not installed; try: sudo apt-get install faketime"
    return found
