"""One connection to a JumpNode that stands, and over which the ends of tunnels are tried.

Nothing is asked of the JumpNode's sshd but a channel, so a Desktop that is away costs one small message. The channel
that opens becomes a login to the Desktop: a connection that is dropped before one is penalised by newer sshds
(sshd_config(5), PerSourcePenalties).
"""

from __future__ import annotations

import contextlib
import time
from functools import partial
from typing import TYPE_CHECKING

from backupjump.ssh.hop_errors import dropped, forward_refused, jump_unreachable
from backupjump.ssh.link import open_link
from backupjump.ssh.strict_fabric import StrictConnection

if TYPE_CHECKING:
    from types import TracebackType

    from backupjump.process import Completed
    from backupjump.ssh.route import Route

_CHANNEL_SECONDS = 10.0


class Standing:
    """A login to the JumpNode of `way` (ssh.route.route_to_jump); `with` ends it. Raises as `open_control` for it."""

    def __init__(self, way: Route, *, seconds: float = 15.0) -> None:
        with contextlib.ExitStack() as undo:
            link = undo.enter_context(open_link(way, seconds=seconds))
            self._connection = StrictConnection(way, way.hops[-1], link.sock, seconds=seconds)
            undo.callback(self._connection.close)
            self._connection.log_in(lambda: jump_unreachable(way, "its sshd hung up or does not answer in time"))
            self._undo = undo.pop_all()

    def ask(self, route: Route, command: str, *, seconds: float) -> Completed | None:
        """Log in to the Desktop of `route` and run `command` there; None if nothing listens at its tunnel's end.

        LinkLost when the JumpNode is lost, ForwardRefused when our key may not go there, else the verdict on the
        Desktop: HostKeyRefused, KeyRefused, or DesktopAway when it hangs up.
        """
        assert route.target is not None
        began = time.monotonic()
        channel = self._connection.channel_to(
            route.target.host,
            route.target.port,
            seconds=_CHANNEL_SECONDS,
            prohibited=partial(forward_refused, route),
        )
        if channel is None:
            return None
        left = max(1.0, seconds - (time.monotonic() - began))
        with contextlib.closing(channel):
            desktop = StrictConnection(route, route.target, channel, seconds=left)
            with contextlib.closing(desktop):
                desktop.log_in(lambda: dropped(route))
                return desktop.completed(command, command.split(), timeout=left)

    def close(self) -> None:
        """End the connection."""
        self._undo.close()

    def __enter__(self) -> Standing:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
