"""Work that nobody waits for: done as the least of all on this machine, and stopped by any signal."""

from __future__ import annotations

import ctypes
import os
import platform
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from backupjump.process import signals_held

Result = TypeVar("Result")

# From here on a person at a terminal wonders what it does.
_SLOW_SECONDS = 2.0

_LEAST_NICE = 19
# ioprio_set(2): no wrapper in glibc; the numbers are those of the kernel's tables. Class 3 is idle.
_IOPRIO_SET = {"x86_64": 251, "aarch64": 30, "riscv64": 30}
_THIS_THREAD, _IDLE = 1, 3 << 13

_libc = ctypes.CDLL(None, use_errno=True)


def idly(
    work: Callable[[Callable[[], bool]], Result], *, name: str, on_slow: Callable[[], None] = lambda: None
) -> Result:
    """Return what `work` does, done at idle priority by a thread of its own, called `name`; its exceptions are raised.

    `work` is given a question, to be asked often: True means stop. An exception in the thread that waits, as
    by a signal, makes it True, waits for the work to stop, and goes on its way. `on_slow` is called once,
    after two seconds.
    """
    worker = _Worker(work, name)
    try:
        with signals_held():
            worker.start()
        if not worker.ended.wait(_SLOW_SECONDS):
            on_slow()
        worker.ended.wait()
    finally:
        worker.stopping.set()
        if worker.ident is not None:  # None where no thread could be started
            worker.ended.wait()
    return worker.result()


class _Worker(threading.Thread, Generic[Result]):
    """The thread that works; the kernel counts its niceness and I/O class for it alone."""

    def __init__(self, work: Callable[[Callable[[], bool]], Result], name: str) -> None:
        super().__init__(name=name)
        self.stopping = threading.Event()
        # Not join: an exception that a signal raises in it makes Python 3.11 take a working thread for ended.
        # Source: Thread._wait_for_tstate_lock in threading.py.
        self.ended = threading.Event()
        self._work = work
        self._results: list[Result] = []
        self._error: BaseException | None = None

    def run(self) -> None:
        """Do the work, and keep what came of it for the thread that waits."""
        try:
            _be_idle()
            self._results.append(self._work(self.stopping.is_set))
        except BaseException as error:  # raised again where it is waited for
            self._error = error
        finally:
            self.ended.set()

    def result(self) -> Result:
        """Return what the work came to, or raise what ended it."""
        if self._error is not None:
            raise self._error
        return self._results[0]


def _be_idle() -> None:
    """Give way to everything else, as far as this system can tell one thread from another."""
    thread = threading.get_native_id()
    # On Linux this is the thread's own. Source: getpriority(2), "C library/kernel differences".
    os.setpriority(os.PRIO_PROCESS, thread, _LEAST_NICE)
    if (number := _IOPRIO_SET.get(platform.machine())) is not None:
        _libc.syscall(number, _THIS_THREAD, thread, _IDLE)
