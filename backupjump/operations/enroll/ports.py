"""The registry of tunnel ports on a JumpNode: those of the config's Desktops, and those promised to open enrolments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backupjump.errors import UsageError
from backupjump.operations.enroll.authorized_keys import FIRST_PORT
from backupjump.operations.enroll.pending import ports_taken

if TYPE_CHECKING:
    from collections.abc import Iterable

    from backupjump.config.models import Desktop, Server
    from backupjump.operations.enroll.pending import Pending

# Above, Linux hands ports out to any program's outgoing connections (ip_local_port_range): one could sit on ours.
_LAST_PORT = 32767


def taken_ports(server: Server, pendings: Iterable[Pending], jump_node: str | None) -> set[int]:
    """Return the ports on that JumpNode that a further Desktop can't have; revoked ones may come back some day."""
    return ports_of(server.desktops.values(), jump_node) | ports_taken(pendings, jump_node)


def ports_of(desktops: Iterable[Desktop], jump_node: str | None) -> set[int]:
    """Return the ports on that JumpNode (None: this Server) where tunnels of `desktops` end."""
    return {way.end_port for desktop in desktops for way in desktop.tunnels_on(jump_node)}


def free_port(taken: set[int], wanted: int | None) -> int:
    """Return `wanted` if it is free, without one the lowest free port from 2020 on; UsageError if there is none."""
    if wanted is not None:
        if wanted in taken:
            raise UsageError(
                f"port {wanted} on that JumpNode is another Desktop's",
                hint=f"without --port the lowest free one is taken: {free_port(taken, None)}",
            )
        return wanted
    free = next((port for port in range(FIRST_PORT, _LAST_PORT + 1) if port not in taken), None)
    if free is None:
        raise UsageError(f"no port from {FIRST_PORT} to {_LAST_PORT} is free on that JumpNode")
    return free
