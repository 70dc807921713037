"""What the Server asks before a pull: one line of JSON about this Desktop."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from backupjump.config.state import state_dir
from backupjump.cpu import has_aes
from backupjump.gate.folder import state_of
from backupjump.gate.power import SUPPLIES, Power, read_power
from backupjump.gate.refusal import Refused
from backupjump.gate.rsync_here import RsyncHere, ask_rsync, find_rsync
from backupjump.gate.tunnel_told import tunnel_told

if TYPE_CHECKING:
    from backupjump.config.desktop import DesktopConfig, Gate

# Counts up with what the gate understands or answers; the Server speaks with every one since 1.
GATE_VERSION = 2

WORDS = ("probe", "hook", "done", "list")
"""What the gate understands beside rsync; one of version 1 does not tell, and has no `list`."""

_MOST_CHARACTERS = 64 * 1024


def answer_probe(config: DesktopConfig, policy: Gate) -> str:
    """Return what a pull will find on this Desktop, as it is now; ProgramMissing if it has no rsync."""
    tunnel, power = config.tunnel_or_none, read_power(SUPPLIES)
    now = datetime.now(timezone.utc)  # noqa: UP017 (datetime.UTC needs 3.11)
    state = state_dir(config.state_dir) if tunnel is not None else None
    return probe_line(
        ask_rsync(find_rsync(policy.rsync)),
        roots=policy.read,
        hooks=policy.hooks,
        power=power,
        now=now,
        tunnel=tunnel_told(tunnel, state=state, power=power, now=now) if tunnel is not None and state else None,
        aes=has_aes(),
    )


def probe_line(
    rsync: RsyncHere,
    *,
    roots: Iterable[str],
    hooks: Iterable[str],
    power: Power,
    now: datetime,
    tunnel: Mapping[str, Any] | None = None,
    aes: bool | None = None,
) -> str:
    """Return the answer: ASCII, on one line, 64 KiB at most (Refused if the policy names more than fits).

    Keys: `gate` (a version number), `rsync` (`said`: what `rsync --version` prints; `confines`), `roots` (each `path`
    and `state`: folder, absent, link, not-a-folder, closed), `clock` (UTC), `power` (`on_battery`, `percent` or null),
    `hooks` (names), `tunnel` (tunnel_told.py; null where another config has it), `words` (since version 2), `aes`
    (whether the processor has instructions for it, null where that is not known).
    """
    line = json.dumps(
        {
            "gate": GATE_VERSION,
            "rsync": {"said": rsync.said, "confines": rsync.confines},
            "roots": [{"path": root, "state": state_of(root)} for root in roots],
            "clock": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "power": asdict(power),
            "hooks": sorted(hooks),
            "tunnel": tunnel,
            "words": WORDS,
            "aes": aes,
        }
    )
    if len(line) > _MOST_CHARACTERS:
        raise Refused("not-understood", "the policy of this gate is too long to tell")
    return line
