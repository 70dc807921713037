"""What the Server is told of this Desktop's tunnel: when it opens, and what the owner's word has put off."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backupjump.config.times import write_duration, write_every
from backupjump.gate.state_file import read_state
from backupjump.gate.veto import AGENT, veto_told

if TYPE_CHECKING:
    from backupjump.config.desktop import Tunnel
    from backupjump.gate.power import Power

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)


def tunnel_told(tunnel: Tunnel, *, state: Path, power: Power, now: datetime) -> dict[str, Any]:
    """Return, as JSON values, `opens`, `every`, `windows`, `deferred_at`, `deferred_why`, `veto` and `nodelay`.

    The first three are the config's. `deferred_at` and `deferred_why` are null unless the agent has put off what was
    wanted since the last backup that was published, even if that is over. `veto` is why the owner would have no backup
    now, empty if he would. `nodelay` is whether the JumpNode was seen to delay nothing on the tunnel, null if that is
    not known.
    """
    told = read_state(state / AGENT)
    at, why = told.get("deferred_at"), told.get("deferred_why")
    nodelay = told.get("nodelay")
    deferred = isinstance(at, str) and _TIME.fullmatch(at) is not None
    return {
        "opens": tunnel.opens,
        "every": write_duration(tunnel.every),
        "windows": [
            {"every": write_every(window.every), "at": window.at, "for": write_duration(window.length)}
            for window in tunnel.windows
        ],
        "deferred_at": at if deferred else None,
        "deferred_why": why[:100] if deferred and isinstance(why, str) else None,
        "veto": veto_told(tunnel.unless, state=state, power=power, now=now),
        "nodelay": nodelay if isinstance(nodelay, bool) else None,
    }
