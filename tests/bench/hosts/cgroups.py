"""A control group for each machine of the lab: what its processes take of the processors and of memory.

Version 2 counts the time of every group, ended processes included, whether or not a controller is on.
Source: Linux, Documentation/admin-guide/cgroup-v2.rst, cpu.stat.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from program import until

# How often memory is looked at; shorter peaks are missed.
LOOK_SECONDS = 0.1
_PREFIX = "bench-"
_ENTER = 'echo $$ >"$0" && exec "$@"'


class Group:
    """A group of processes; `argv` are words that run in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def argv(self, words: Sequence[str]) -> list[str]:
        """Return the words that run `words` in this group."""
        return ["sh", "-c", _ENTER, str(self.folder / "cgroup.procs"), *words]

    def take(self, pid: int) -> None:
        """Move a running process into it; its later children follow. One that has ended is passed over."""
        with suppress(ProcessLookupError):
            (self.folder / "cgroup.procs").write_text(str(pid))

    @contextmanager
    def below(self, name: str) -> Iterator[Group]:
        """Give a group inside this one, for as long as the block lasts; what still runs there then is killed."""
        inner = Group(self.folder / name)
        inner.folder.mkdir()
        try:
            yield inner
        finally:
            inner.remove()

    def remove(self) -> None:
        """Kill what runs in it and take it away."""
        (self.folder / "cgroup.kill").write_text("1")
        until(lambda: not self.is_busy, what=f"the end of what ran in {self.folder.name}")
        self.folder.rmdir()

    @property
    def is_busy(self) -> bool:
        """Whether a process lives in it or below it."""
        return "populated 1" in (self.folder / "cgroup.events").read_text()

    @property
    def cpu_seconds(self) -> float:
        """What its processes have spent on processors, ended ones too."""
        first = (self.folder / "cpu.stat").read_text().split()
        return int(first[1]) / 1e6

    @property
    def memory_bytes(self) -> int:
        """What its processes hold in memory now; a page that several share is counted once."""
        return sum(map(resident_bytes, self.pids()))

    def pids(self) -> list[int]:
        """Return its processes and those of the groups below it."""
        found: list[int] = []
        for folder, _, _ in os.walk(self.folder):
            with suppress(OSError):  # the group has just gone
                found += map(int, Path(folder, "cgroup.procs").read_text().split())
        return found


class Counted(Protocol):
    """Processes that belong together."""

    @property
    def cpu_seconds(self) -> float:
        """What they have spent on processors so far."""

    @property
    def memory_bytes(self) -> int:
        """What they hold in memory now."""


class Watch(threading.Thread):
    """Looks at the memory of some groups again and again; `peaks` are in bytes, above what they held at the start."""

    def __init__(self, groups: Mapping[str, Counted]) -> None:
        super().__init__(daemon=True)
        self.peaks = dict.fromkeys(groups, 0)
        self._groups = groups
        self._idle = {name: group.memory_bytes for name, group in groups.items()}
        self._stopping = threading.Event()

    def run(self) -> None:
        """Look until told to stop."""
        while True:
            for name, group in self._groups.items():
                self.peaks[name] = max(self.peaks[name], group.memory_bytes - self._idle[name])
            if self._stopping.wait(LOOK_SECONDS):
                return

    def __enter__(self) -> Watch:
        self.start()
        return self

    def __exit__(self, *_exc_info: object) -> None:
        self._stopping.set()
        self.join()


@contextmanager
def groups(names: Sequence[str]) -> Iterator[dict[str, Group]]:
    """Make a group for each name, side by side, and take them away at the end, with all that runs in them."""
    _sweep(_hierarchy())
    top = Group(_hierarchy() / f"{_PREFIX}{os.getpid()}")
    top.folder.mkdir()
    made: dict[str, Group] = {}
    try:
        for name in names:
            made[name] = Group(top.folder / name)
            made[name].folder.mkdir()
        yield made
    finally:
        for group in made.values():
            group.remove()
        top.remove()


def _hierarchy() -> Path:
    """Return where version 2 is mounted; AssertionError where it is not."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields, _, rest = line.partition(" - ")
        if rest.split()[0] == "cgroup2":
            return Path(fields.split()[4])
    raise AssertionError("no cgroup v2 is mounted here: mount -t cgroup2 none /sys/fs/cgroup/unified")


def _sweep(hierarchy: Path) -> None:
    """Take away what a benchmark that was killed has left; its machines have ended with it."""
    for left in hierarchy.glob(f"{_PREFIX}*"):
        if not Path("/proc", left.name.removeprefix(_PREFIX)).exists():
            for folder, _, _ in os.walk(left, topdown=False):
                Path(folder).rmdir()


def resident_bytes(pid: int) -> int:
    """Return what a process holds in memory, its share of what it shares; 0 if it is gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)
