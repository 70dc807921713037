"""Prove a new way: wait until the Desktop's tunnel stands, log in through it, and hear its gate."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from backupjump.errors import (
    BackupjumpError,
    DesktopAway,
    DesktopUnfit,
    ForwardRefused,
    KeyRefused,
    LinkLost,
    TunnelNotOpen,
)
from backupjump.escape import shown
from backupjump.operations.gate import ask_gate
from backupjump.ssh.control import open_control
from backupjump.ssh.route import prepare

if TYPE_CHECKING:
    from collections.abc import Callable

    from backupjump.operations.gate import Gate
    from backupjump.ssh.route import Route

WAITS_SECONDS = 15 * 60.0
# A refused key costs 5 s of penalty at an sshd of 9.8 and newer, a closed port nothing.
_PAUSE_SECONDS = 10.0
# A link that breaks, or a JumpNode that is away for a moment, passes too: two people are waiting.
_PASSING = (KeyRefused, ForwardRefused, DesktopAway, LinkLost)


def prove_way(route: Route, *, seconds: float, say: Callable[..., None]) -> Gate:
    """Return the gate that answers behind `route`, once the tunnel stands; raise why not after `seconds`.

    A host key that is not the pinned one ends it at once, and so does a Desktop that has no gate (DesktopUnfit).
    """
    prepare(route)
    deadline, told = time.monotonic() + seconds, ""
    while True:
        try:
            return _knock(route)
        except _PASSING as error:
            if time.monotonic() + _PAUSE_SECONDS > deadline:
                raise
            told = _tell_once(error, told, say)
            time.sleep(_PAUSE_SECONDS / 4 if isinstance(error, (TunnelNotOpen, ForwardRefused)) else _PAUSE_SECONDS)


def _knock(route: Route) -> Gate:
    host = f"desktop {route.desktop}"
    with open_control(route) as control:
        gate = ask_gate(control, host=host)
    if gate is None:
        raise DesktopUnfit(
            f"{host}: our key gets in, but no gate answers: it could do there whatever its account may",
            hint="on the Desktop: backupjump enroll accept, once more; then look at its authorized_keys",
        )
    return gate


def _tell_once(error: BackupjumpError, told: str, say: Callable[..., None]) -> str:
    if (kind := error.code) != told:
        why = shown(str(error).splitlines()[0], limit=300)
        say(f"Not yet: {why}. Trying again; Ctrl-C changes nothing of what is done.")
    return kind
