"""How many bytes a running rsync and its remote shell have moved, and how many it holds, as /proc tells it.

rsync's own output is silent while it lists folders or compares a large file, so it can't tell a slow
transfer from a dead one. Where there is no /proc, every number stays 0.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """`read_bytes`: what the rsync processes here have read. `received_bytes`: what the remote shell wrote,
    which is what it got from the Desktop plus the little that it sent there. `memory_bytes`: what the largest of the
    rsync processes holds; its forks share most of it."""

    read_bytes: int = 0
    received_bytes: int = 0
    memory_bytes: int = 0


def sample(pid: int) -> Traffic:
    """Return the traffic so far of the rsync that `pid` is, its forks and its remote shell.

    A keep-alive of ssh is not counted as read: else a Desktop that hangs would look alive.
    Source: proc_pid_io(5).
    """
    own = _command(pid)
    read_bytes = received_bytes = memory_bytes = 0
    for process, parent in _family(pid):
        counts = _counts(process)
        if _command(process) == own:
            read_bytes += counts.get("rchar", 0)
            memory_bytes = max(memory_bytes, _memory(process))
        elif parent == pid:
            received_bytes += counts.get("wchar", 0)
    return Traffic(read_bytes=read_bytes, received_bytes=received_bytes, memory_bytes=memory_bytes)


def _family(pid: int) -> Iterator[tuple[int, int]]:
    waiting = [(pid, 0)]
    while waiting:
        process, parent = waiting.pop()
        yield process, parent
        with contextlib.suppress(OSError):
            children = (_PROC / str(process) / "task" / str(process) / "children").read_text().split()
            waiting += [(int(child), process) for child in children]


def _command(pid: int) -> bytes:
    try:
        return (_PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return b""


def _counts(pid: int) -> dict[str, int]:
    try:
        text = (_PROC / str(pid) / "io").read_text()
    except OSError:
        return {}
    return {name: int(number) for name, number in re.findall(r"(\w+): (\d+)", text)}


def _memory(pid: int) -> int:
    # size resident shared text lib data dt, in pages.  Source: proc_pid_statm(5).
    try:
        return int((_PROC / str(pid) / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0
