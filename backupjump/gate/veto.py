"""The owner's word against a backup now, whatever is due: paused, on battery, on a metered line. Python 3.9.

The agent keeps the tunnel closed by it; the gate tells the Server, who may come past the tunnel (route direct).
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Optional

from backupjump.gate.state_file import read_state

if TYPE_CHECKING:
    from backupjump.config.desktop import Unless
    from backupjump.gate.power import Power

AGENT = "agent.json"
"""What the agent tells of itself, in the state folder."""
HELD = "held.json"
PAUSED = "paused.json"
PAUSED_WORD = "paused"

# The agent writes its file every minute; what is older was left by one that runs no more.
_FRESH = timedelta(minutes=5)
_FORMAT = "%Y-%m-%dT%H:%M:%SZ"

When = Optional[datetime]  # noqa: UP045 (evaluated, and the floor is 3.9)


def read_time(value: object) -> When:
    """Return the time that a state file has as text, None if it is none."""
    try:
        return datetime.strptime(str(value), _FORMAT).replace(tzinfo=timezone.utc)  # noqa: UP017 (datetime.UTC needs 3.11)
    except ValueError:
        return None


def veto(unless: Unless, *, now: datetime, paused_until: When, power: Power, metered: bool) -> str:
    """Return why the owner would rather not, empty if there is nothing against it."""
    if paused_until is not None and now < paused_until:
        return PAUSED_WORD
    if power.on_battery and power.percent is not None and power.percent < unless.battery_below * 100:
        return f"on battery, {power.percent} %"
    if unless.metered and metered:
        return "on a metered connection"
    return ""


def veto_told(unless: Unless, *, state: Path, power: Power, now: datetime) -> str:
    """Return the owner's word as it is now, by what lies in the `state` folder; empty while he holds the tunnel open.

    Whether the line is metered the agent knows; where none runs nobody does.
    """
    held_until = read_time(read_state(state / HELD).get("until"))
    if held_until is not None and now < held_until:
        return ""
    told = read_state(state / AGENT)
    at = read_time(told.get("at"))
    metered = told.get("metered") is True and at is not None and abs(now - at) < _FRESH
    paused_until = read_time(read_state(state / PAUSED).get("until"))
    return veto(unless, now=now, paused_until=paused_until, power=power, metered=metered)
