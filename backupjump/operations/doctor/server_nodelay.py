"""doctor on the Server: whether the sshd at a tunnel's end holds messages back on it, measured for two seconds.

Without its session (ssh/first_session.py) a message that follows another one waits there until the Desktop has
acknowledged the first, 40 ms on Linux. So we ask the Desktop's sshd for an answer that costs it nothing, now by itself
and now close behind a message that gets none. Every sshd takes both; no word of the gate is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from backupjump.config.models import RouteKind
from backupjump.errors import LinkLost
from backupjump.operations.doctor.finding import OK, SKIP, WARN, Finding
from backupjump.operations.doctor.server_mends import mend_delay
from backupjump.operations.doctor.server_words import evidence_of, on

if TYPE_CHECKING:
    from backupjump.config.models import Desktop, Way
    from backupjump.operations.gate import Gate
    from backupjump.ssh.answers import Answers
    from backupjump.ssh.control import Control

_CHECK = "tunnel.nodelay"
_SECONDS = 2.0
# Half of the shortest delayed acknowledgement of Linux, and more than a good line adds by chance (medians).
_HELD_BACK_SECONDS = 0.02


def look_at_delay(desktop: Desktop, way: Way, control: Control, gate: Gate | None) -> Finding:
    """Return whether the tunnel delays what goes through it; takes two seconds, and more only on a slow line."""
    host = f"desktop {desktop.name}"
    if way.route is RouteKind.NESTED:
        return Finding(_CHECK, SKIP, f"{host}: on route nested it is the JumpNode's ssh that would answer")
    if way.route is RouteKind.LOCAL:
        return Finding(_CHECK, SKIP, f"{host}: on route local its key is granted no session here, so it is slower")
    try:
        return delay_finding(host, control.time_answers(seconds=_SECONDS), gate)
    except LinkLost as error:
        return Finding(_CHECK, SKIP, f"{host}: {evidence_of(error)}")


def delay_finding(host: str, answers: Answers, gate: Gate | None) -> Finding:
    """Return what the measurement means, and what it costs."""
    alone, behind = answers.alone_seconds * 1000, answers.behind_another_seconds * 1000
    measured = f"{alone:.1f} ms for an answer, {behind:.1f} ms close behind another message, {answers.count} of each"
    if answers.behind_another_seconds - answers.alone_seconds < _HELD_BACK_SECONDS:
        return Finding(_CHECK, OK, f"{host}: its tunnel delays nothing: {measured}")
    told = (
        f"{host}: the JumpNode's sshd holds messages back on its tunnel: {measured}; "
        f"so {behind - alone:.0f} ms go with every answer of some 100 KB, and a transfer can take twice as long"
    )
    if gate is not None and gate.tunnel is not None and not gate.tunnel.asks_session:
        return Finding(
            _CHECK, WARN, f"{told}; its backupjump is too old to end that", on("Desktop", "backupjump --version")
        )
    return Finding(_CHECK, WARN, told, mend_delay())
