"""What the roles of a lab on loopback take, told by the trees of their processes: for who may make no control group.

A process that ends counts for its parent once that has waited for it, as sshd does for its sessions.
Source: proc(5), /proc/PID/stat: utime, stime, cutime, cstime.
"""

from __future__ import annotations

import os
from pathlib import Path

from backupjump.demo.process_tree import descendants
from bench.hosts.cgroups import resident_bytes


class Tree:
    """Some processes and all that descend from them."""

    def __init__(self, *roots: int) -> None:
        self.roots = set(roots)

    @property
    def cpu_seconds(self) -> float:
        """What they and those that they have waited for have spent on processors."""
        return sum(map(cpu_seconds, self.pids()))

    @property
    def memory_bytes(self) -> int:
        """What they hold in memory now; a page that several share is counted once."""
        return sum(map(resident_bytes, self.pids()))

    def pids(self) -> set[int]:
        """Return them all."""
        return self.roots.union(*(descendants(root) for root in self.roots))


def cpu_seconds(pid: int) -> float:
    """Return what a process and those that it has waited for have spent; 0 if it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def own_cpu_seconds(pid: int) -> tuple[str, float]:
    """Return a process's name and what it alone has spent; nothing if it is gone."""
    try:
        head, _, tail = Path(f"/proc/{pid}/stat").read_text().rpartition(")")
    except OSError:
        return "", 0.0
    return head.partition("(")[2], sum(map(int, tail.split()[11:13])) / os.sysconf("SC_CLK_TCK")


def marked(mark: str) -> list[int]:
    """Return our processes that have `mark` in the environment that they were started with."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (entry / "environ").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue  # another account's, or gone
    return found
