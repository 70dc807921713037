"""What the benchmark needs of a machine, be it a namespace of its own or a part of this one."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lab.machines import end_group

SERVER, JUMP_NODE, DESKTOP = "Server", "JumpNode", "Desktop"
ROLES = (SERVER, JUMP_NODE, DESKTOP)
BY_HAND, BY_HAND_PTY = "desktop", "desktop-pty"


@dataclass(frozen=True)
class Command:
    """What is run to its end and measured: a line for sh, typed by `user` on the machine with that role."""

    line: str
    role: str = SERVER


@dataclass(frozen=True)
class Installed:
    """How backupjump is set up on the Server: the words that start it, its job, that job's file, the Desktop's name."""

    program: str
    desktop: str
    job: str
    job_file: str


@dataclass(frozen=True)
class Cost:
    """What a command took. `wire_bytes` is -1 and maps are empty where this lab can't tell.

    `seconds` until its work was done; `command_seconds` until it ended; `all_seconds` until the last process that it
    left behind had ended too. `cpu_seconds`, by role, is of all of that. `memory_bytes`, by role, is the peak above
    idle. `wire_bytes` went over the Desktop's line, both directions together. `began_at` is a time of the clock.
    """

    began_at: float
    seconds: float
    command_seconds: float
    all_seconds: float
    cpu_seconds: dict[str, float]
    memory_bytes: dict[str, int]
    wire_bytes: int


class Hosts(Protocol):
    """The three machines, with a way by hand from the Server to the Desktop and the tunnels it needs.

    `source` is the tree's folder on the Desktop. `ssh` are the words that start ssh on the Server so that it knows
    the hosts `desktop` and, where a tunnel with a pty is wanted, `desktop-pty`. `sockets` is a folder for sockets, by
    the same name on both. `installed` is how backupjump is set up.
    """

    source: str
    ssh: str
    sockets: str
    installed: Installed

    def source_here(self) -> Path:
        """Return where this process finds the source."""

    def path_here(self, path: str) -> Path:
        """Return where this process finds a path of the Server."""

    def argv(self, command: Command) -> list[str]:
        """Return the words that run it."""

    def must(self, command: Command) -> str:
        """Run it unmeasured and return what it printed; it must succeed."""

    def measure(self, command: Command) -> Cost:
        """Run it to its end, measured; it must succeed."""

    def pids(self) -> Mapping[str, Iterable[int]]:
        """Return the processes that live on each machine now, by its role."""

    def fresh_disk(self, name: str, kind: str, *, gigabytes: float) -> str:
        """Return a folder on the Server with a new filesystem for `name` in place of the one before."""

    def fresh_source(self, *, gigabytes: float) -> None:
        """Have the source be empty, on a new ext4."""

    def used_bytes(self, folder: str) -> int:
        """Return what lies on the filesystem of such a folder, beyond what it was made with; all is written then."""

    def wide_area(self) -> AbstractContextManager[None]:
        """Have the Desktop's line be slow and long for as long as the block lasts."""


@contextmanager
def standing(argv: list[str]) -> Iterator[subprocess.Popen[str]]:
    """Have a program run in the background; it is ended, its children too, at the end of the block."""
    with subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            end_group(process)
