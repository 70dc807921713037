"""The owner's word against a backup, as the gate tells it. A tunnel that he keeps closed needs none; `direct` does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backupjump.errors import Deferred
from backupjump.escape import shown

if TYPE_CHECKING:
    from backupjump.operations.gate import Gate
    from backupjump.ssh.route import Route


def veto_of(gate: Gate | None) -> str:
    """Return why the owner would have no backup now, as his Desktop says it: not for a screen; empty if he would.

    A gate that does not tell this yet says since when he had put one off: that may be over, and is obeyed.
    """
    tunnel = gate.tunnel if gate is not None else None
    if tunnel is None:
        return ""
    if tunnel.veto is not None:
        return tunnel.veto
    return (tunnel.deferred_why or "put off") if tunnel.deferred_at is not None else ""


def check_veto(route: Route, gate: Gate | None) -> None:
    """Raise Deferred where `route` leads past the tunnel of a Desktop whose owner would have no backup now."""
    if route.is_direct and (why := veto_of(gate)):
        raise Deferred(
            f"the owner of desktop {route.desktop} has put backups off: {shown(why, limit=100)}",
            hint="nothing to do here; there: backupjump tunnel resume",
        )
