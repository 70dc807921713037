"""Ports on loopback for machines that live for a moment, so that two labs at once never meet."""

from __future__ import annotations

import random
import socket
from collections.abc import Sequence

from backupjump.errors import BackupjumpError

# Linux hands out 32768 to 60999 by itself (/proc/sys/net/ipv4/ip_local_port_range): any program's
# outgoing connection may sit there for a while.
_PORTS: Sequence[int] = (*range(20000, 32768), *range(61000, 65536))
_TRIES = 200


class Ports:
    """Ports that this lab has to itself until `release`, also those that nothing listens on yet.

    A tunnel's port is chosen long before it is bound. So each one is marked by a name in the abstract
    socket namespace, which the kernel frees with our process.  Source: unix(7), "Abstract sockets".
    """

    def __init__(self) -> None:
        self._marks: list[socket.socket] = []

    def take(self) -> int:
        """Return a port that nobody listens on and no other lab has taken."""
        for port in random.sample(_PORTS, _TRIES):
            if self._mark(port) and _is_free(port):
                return port
        raise BackupjumpError(f"none of {_TRIES} ports tried on loopback is free")

    def release(self) -> None:
        """Give all ports back."""
        while self._marks:
            self._marks.pop().close()

    def _mark(self, port: int) -> bool:
        mark = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            mark.bind(f"\0backupjump-lab-{port}")
        except OSError:
            mark.close()
            return False
        self._marks.append(mark)
        return True


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As sshd does: connections of an earlier listener that linger in TIME_WAIT don't count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
