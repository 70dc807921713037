"""A socket from which no more is read than was allowed: paramiko has no limit of its own.

It reads a first line of any length, takes a packet of up to 4 GiB for one, and passes over any number of packets that
mean nothing; a stranger on the Desktop's port can send these before he has shown a host key.  Source: paramiko 5.1,
Packetizer.readline and read_message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from backupjump.errors import DesktopUnfit

if TYPE_CHECKING:
    import socket

_AT_ONCE = 1 << 18


class Metered:
    """`sock`, which seems to have ended once it has brought more than the bytes that were last allowed."""

    def __init__(self, sock: socket.socket, allowed_bytes: int) -> None:
        self._sock = sock
        self._left = allowed_bytes

    @property
    def used_up(self) -> bool:
        """Whether more came than was allowed; nothing of it can be read any more."""
        return self._left < 0

    def allow(self, allowed_bytes: int) -> None:
        """Let so many bytes be read from now on, if the socket has not ended yet."""
        if not self.used_up:
            self._left = allowed_bytes

    def recv(self, size: int) -> bytes:
        """Return the next bytes; none at the end, or when they are too many."""
        if self.used_up:
            return b""
        chunk = self._sock.recv(min(size, _AT_ONCE))
        self._left -= len(chunk)
        return b"" if self.used_up else chunk

    def __getattr__(self, name: str) -> Any:
        """All else is the socket's own."""
        return getattr(self._sock, name)


def flood(where: str, allowed_bytes: int) -> DesktopUnfit:
    """Return the error for a machine that has sent more than was allowed."""
    return DesktopUnfit(
        f"{where} sent more than {allowed_bytes // 1024} KiB that nobody asked for; ended",
        hint="is it an sshd that answers there, and that machine's?",
    )
