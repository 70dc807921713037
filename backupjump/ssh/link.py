"""The byte stream that the control connection runs on: a socket, and the ssh that leads it to the Desktop.

paramiko's own ProxyCommand spins at its end, never reads what ssh has to say, and reports a dead one
after ten seconds with a misleading text. Ours is one end of a socket pair, so it behaves like a socket,
and ssh's standard error tells why it ended.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING

from backupjump import process
from backupjump.ssh.hop_errors import dropped, jump_unreachable, tunnel_not_open
from backupjump.ssh.verdicts import Leg, verdict

if TYPE_CHECKING:
    from types import TracebackType

    from backupjump.errors import BackupjumpError
    from backupjump.ssh.route import Route

_KEPT_BYTES = 65536
_LAST_WORDS_SECONDS = 2.0


class Link:
    """An open socket towards the machine that control logs in to. `close` ends the ssh behind it too."""

    def __init__(self, route: Route, sock: socket.socket, child: process.Child | None) -> None:
        self.route = route
        self.sock = sock
        self._child = child
        self._said = bytearray()
        self._reader: threading.Thread | None = None
        if child is not None:
            self._reader = threading.Thread(target=self._listen, args=(child,), name="ssh stderr", daemon=True)
            self._reader.start()

    def _listen(self, child: process.Child) -> None:
        # Read to the end, whatever its length: a full pipe would hold ssh.
        while chunk := child.stderr.read1(8192):  # type: ignore[attr-defined]
            self._said += chunk
            del self._said[:-_KEPT_BYTES]

    def cut(self) -> None:
        """Make every read and write on the socket end, also one under way in another thread."""
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)

    def why_lost(self, *, in_time: bool) -> BackupjumpError:
        """Return why the stream ended before a login; `in_time` is False when we cut it since time was over."""
        status = self._last_status(_LAST_WORDS_SECONDS if in_time else 0.0)
        stderr = self._said.decode("utf-8", "replace")
        if status:
            return verdict(stderr, status, route=self.route, leg=Leg.JUMP)
        if self.route.target is None or (self._child is not None and "Authenticated to " not in stderr):
            return jump_unreachable(self.route, "its sshd hung up" if in_time else "its sshd does not answer in time")
        if in_time:
            return dropped(self.route)
        return tunnel_not_open(self.route, "nothing answers through it in time; is the Desktop asleep or offline?")

    def _last_status(self, seconds: float) -> int:
        """Return ssh's exit status once it has said why, 0 if it does not end by itself within `seconds`."""
        self.cut()
        if self._child is None or self._reader is None:
            return 0
        with contextlib.suppress(process.TimedOut):
            status = self._child.wait(seconds)
            self._reader.join(seconds)
            return status
        return 0

    def close(self) -> None:
        """Close the socket and end ssh."""
        self.cut()
        self.sock.close()
        if self._child is not None and self._reader is not None:
            self._child.stop(grace=2.0)
            self._reader.join(_LAST_WORDS_SECONDS)
            self._child.stderr.close()

    def __enter__(self) -> Link:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def open_link(route: Route, *, seconds: float) -> Link:
    """Start towards the Desktop (nested: the JumpNode) and return at once or, for a plain socket, when it is open.

    Raises TunnelNotOpen or JumpNodeUnreachable when a plain socket can't be opened within `seconds`.
    """
    if route.target is not None and route.jump is not None:
        return _through_jump(route)
    hop = route.hops[0]
    try:
        sock = socket.create_connection((hop.host, hop.port), timeout=seconds)
    except OSError as error:
        why = f"{hop.host} port {hop.port}: {error.strerror or error}"
        raise (tunnel_not_open if hop is route.target else jump_unreachable)(route, why) from error
    sock.settimeout(None)
    # paramiko writes small packets; held back to be joined, each would cost 40 ms (delayed acknowledgement).
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Link(route, sock, None)


def forward_argv(route: Route) -> tuple[str, ...]:
    """Return the ssh that joins its standard input and output to the tunnel's end on the JumpNode.

    `-v` so that it names the host key it was shown.  Source: ssh(1), -W.
    """
    assert route.jump is not None
    assert route.target is not None
    end = f"{route.target.host}:{route.target.port}"
    return ("ssh", "-v", "-F", str(route.config_file), "-W", end, "--", route.jump.alias)


def _through_jump(route: Route) -> Link:
    ours, theirs = socket.socketpair()
    try:
        with theirs:
            child = process.spawn(forward_argv(route), stdin=theirs.fileno(), stdout=theirs.fileno())
    except BaseException:
        ours.close()
        raise
    return Link(route, ours, child)
