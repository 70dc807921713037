"""Empty a job's trash when nobody waits for it: as the least of all work, and stopped by any signal."""

from __future__ import annotations

import ctypes
import os
import platform
import threading
import time
from collections.abc import Callable

from backupjump.store.failures import store_error
from backupjump.store.layout import JobFolder
from backupjump.store.trash import empty_trash

# From here on a person at a terminal wonders what it does.
_SLOW_SECONDS = 2.0

_LEAST_NICE = 19
# ioprio_set(2): no wrapper in glibc; the numbers are those of the kernel's tables. Class 3 is idle.
_IOPRIO_SET = {"x86_64": 251, "aarch64": 30, "riscv64": 30}
_THIS_THREAD, _IDLE = 1, 3 << 13

_libc = ctypes.CDLL(None, use_errno=True)


def reap(folder: JobFolder, *, on_slow: Callable[[int], None] = lambda _left: None) -> None:
    """Delete what is in the job's trash, from a prune that was killed too; the job's lock is not needed.

    The next run may go on meanwhile. `on_slow` is told once, after two seconds, how many snapshots and
    attempts are left. An exception in the waiting thread, as by a signal, ends the deletion after the
    file it is at; the next reap goes on. Raises StoreError when something can't be deleted.
    """
    if not folder.trash.is_dir():
        return
    reaper = _Reaper(folder)
    reaper.start()
    slow_at = time.monotonic() + _SLOW_SECONDS
    try:
        reaper.join(_SLOW_SECONDS)
        if time.monotonic() >= slow_at and reaper.is_alive():
            on_slow(sum(1 for _ in folder.trash.iterdir()))
        reaper.join()
    finally:
        reaper.stopping.set()
        reaper.join()
    if reaper.error is not None:
        raise store_error("the trash can't be emptied", reaper.error) from reaper.error


class _Reaper(threading.Thread):
    """The thread that deletes; the kernel counts its niceness and I/O class for it alone."""

    def __init__(self, folder: JobFolder) -> None:
        super().__init__(name="reaper")
        self.stopping = threading.Event()
        self.error: OSError | None = None
        self._folder = folder

    def run(self) -> None:
        _be_idle()
        try:
            empty_trash(self._folder, wait=False, stop=self.stopping.is_set)
        except OSError as error:
            self.error = error


def _be_idle() -> None:
    """Give way to everything else, as far as this system can tell one thread from another."""
    thread = threading.get_native_id()
    # On Linux this is the thread's own. Source: getpriority(2), "C library/kernel differences".
    os.setpriority(os.PRIO_PROCESS, thread, _LEAST_NICE)
    if (number := _IOPRIO_SET.get(platform.machine())) is not None:
        _libc.syscall(number, _THIS_THREAD, thread, _IDLE)
