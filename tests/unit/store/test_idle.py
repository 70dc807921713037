"""Work at idle priority: in a thread of its own, told to stop when whoever waits for it is interrupted."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable

import pytest

from backupjump.errors import Stopped
from backupjump.process import run, signals_as_exceptions
from backupjump.store.idle import idly


def test_the_thread_that_works_is_idle_and_no_other() -> None:
    def look(_stopping: Callable[[], bool]) -> tuple[int, str]:
        thread = threading.get_native_id()
        told = run(["ionice", "-p", str(thread)], timeout=10).stdout.decode()
        return os.getpriority(os.PRIO_PROCESS, thread), told.strip()

    before = os.getpriority(os.PRIO_PROCESS, 0)

    assert idly(look, name="test") == (19, "idle")
    assert os.getpriority(os.PRIO_PROCESS, 0) == before


def test_what_the_work_raises_is_raised_where_it_is_waited_for() -> None:
    def fail(_stopping: Callable[[], bool]) -> None:
        raise OSError("the disk")

    with pytest.raises(OSError, match="the disk"):
        idly(fail, name="test")


def test_a_signal_tells_the_work_to_stop_and_waits_until_it_has() -> None:
    ended = []

    def work(stopping: Callable[[], bool]) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        ends_at = time.monotonic() + 30
        while not stopping() and time.monotonic() < ends_at:
            os.sched_yield()
        ended.append(stopping())

    with pytest.raises(Stopped), signals_as_exceptions(Stopped, signal.SIGTERM):
        idly(work, name="test")

    assert ended == [True]


def test_after_two_seconds_somebody_is_told_once() -> None:
    told = threading.Event()

    def work(_stopping: Callable[[], bool]) -> bool:
        return told.wait(30)

    assert idly(work, name="test", on_slow=told.set)
