"""Let a Python program live by the monotonic and boot clocks of a machine of the lab (tests/lab/faked_time.py).

Python imports this by itself where the folder stands in PYTHONPATH. The wall clock is libfaketime's. These two can't
be: it moves all clocks by one amount, so no machine could sleep, and a lock's time limit, which the system keeps by the
real clock, would end in months. So here only what Python is told is moved, and every wait lasts as long as it really
does. `sleep`: libfaketime 0.9.10 refuses Python's own (clock_nanosleep with TIMER_ABSTIME; seen).
"""

from __future__ import annotations

import mmap
import os
import select
import struct
import time


def live_by(path: str) -> None:
    """Move the clocks of this process by what stands in the file: seconds awake, seconds asleep, as they change."""
    with open(path, "rb") as file:  # noqa: PTH123 (every program of the lab would import pathlib)
        moved = mmap.mmap(file.fileno(), 16, access=mmap.ACCESS_READ)
    real_monotonic, real_gettime = time.monotonic, time.clock_gettime

    def monotonic() -> float:
        return real_monotonic() + float(struct.unpack_from("dd", moved)[0])

    def clock_gettime(clock: int) -> float:
        awake, asleep = struct.unpack_from("dd", moved)
        return real_gettime(clock) + {time.CLOCK_MONOTONIC: awake, time.CLOCK_BOOTTIME: awake + asleep}.get(clock, 0.0)

    def sleep(seconds: float) -> None:
        select.select([], [], [], seconds)

    time.monotonic, time.clock_gettime, time.sleep = monotonic, clock_gettime, sleep


if path := os.environ.get("LAB_CLOCKS"):
    live_by(path)
