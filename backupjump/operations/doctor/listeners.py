"""Who listens on a TCP port of this machine, from /proc. Python 3.9.

Source: proc_net_tcp(5); proc_pid_fd(5). Where there is no /proc, nothing is found.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_LISTENS = "0A"


@dataclass(frozen=True)
class Listener:
    """A socket that listens: at which address, and its number in /proc."""

    address: str
    inode: str

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can connect to it."""
        return self.address.startswith("127.") or self.address in ("::1", "::ffff:127.0.0.1")


def listeners(port: int) -> tuple[Listener, ...]:
    """Return what listens on `port`."""
    tables = (_read(f"/proc/net/{name}") for name in ("tcp", "tcp6"))
    return tuple(listener for table in tables for listener in read_table(table, port))


def read_table(table: str, port: int) -> tuple[Listener, ...]:
    """Return what listens on `port` in the text of /proc/net/tcp or tcp6."""
    rows = (line.split() for line in table.splitlines()[1:])
    return tuple(
        Listener(_address(row[1].partition(":")[0]), row[9])
        for row in rows
        if len(row) > 9 and row[3] == _LISTENS and int(row[1].rpartition(":")[2], 16) == port
    )


def command_lines() -> Iterator[tuple[int, tuple[str, ...]]]:
    """Return process id and argv of every process of this account."""
    for folder in _processes():
        try:
            if folder.stat().st_uid == os.geteuid():
                yield int(folder.name), _argv(folder)
        except OSError:
            continue


def argv_of(listener: Listener) -> tuple[str, ...]:
    """Return the argv of the process that has the socket open; nothing where this account may not see that."""
    wanted = f"socket:[{listener.inode}]"
    for folder in _processes():
        try:
            if any(str(fd.readlink()) == wanted for fd in folder.glob("fd/*")):
                return _argv(folder)
        except OSError:
            continue
    return ()


def _processes() -> list[Path]:
    return list(Path("/proc").glob("[0-9]*"))


def _argv(folder: Path) -> tuple[str, ...]:
    words = (folder / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    return tuple(os.fsdecode(word) for word in words)


def _read(path: str) -> str:
    try:
        return Path(path).read_text("ascii")
    except OSError:
        return ""


def _address(words: str) -> str:
    # The kernel prints each 32 bits as a number of the machine's own byte order.
    numbers = [int(words[start : start + 8], 16) for start in range(0, len(words), 8)]
    packed = struct.pack(f"={len(numbers)}I", *numbers)
    return socket.inet_ntop(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, packed)
