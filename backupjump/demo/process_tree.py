"""End a process with all that it started, across the sessions that sshd opens for its connections."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

_GONE_WITHIN_SECONDS = 5.0


def kill_tree(root: int, *, itself_too: bool) -> None:
    """End everything that descends from process `root`, and `root` if `itself_too`; return when it is gone.

    Each one is stopped before its children are looked for, so that nothing is started meanwhile.
    """
    _signal(root, signal.SIGSTOP)
    stopped: set[int] = set()
    while found := descendants(root) - stopped:
        for pid in found:
            _signal(pid, signal.SIGSTOP)
        stopped |= found
    for pid in stopped:
        _signal(pid, signal.SIGKILL)
    _signal(root, signal.SIGKILL if itself_too else signal.SIGCONT)
    deadline = time.monotonic() + _GONE_WITHIN_SECONDS
    while any(is_running(pid) for pid in stopped) and time.monotonic() < deadline:
        time.sleep(0.01)


def descendants(root: int) -> set[int]:
    """Return the ids of all processes that `root` started and those started in turn."""
    parents = {pid: parent for pid, parent, _ in _processes()}
    family = {root}
    while more := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= more
    return family - {root}


def is_running(pid: int) -> bool:
    """Tell whether process `pid` is there and not merely waiting for its parent to take note of its end."""
    return any(each == pid and state not in "ZX" for each, _, state in _processes())


def _processes() -> list[tuple[int, int, str]]:
    """Return id, parent's id and state of every process.  Source: proc(5), /proc/[pid]/stat."""
    rows = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it ended while we looked
            # The name between the parentheses may hold spaces and parentheses itself.
            state, parent = stat.read_text(errors="replace").rpartition(")")[2].split()[:2]
            rows.append((int(stat.parent.name), int(parent), state))
    return rows


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
