"""What the Server asks before a pull: one line of JSON about this Desktop."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime, timezone

from backupjump.gate.folder import state_of
from backupjump.gate.power import Power
from backupjump.gate.refusal import Refused
from backupjump.gate.rsync_here import RsyncHere

# Counts up with what the gate understands or answers; the Server speaks with every one since 1.
GATE_VERSION = 1

_MOST_CHARACTERS = 64 * 1024


def answer_probe(rsync: RsyncHere, *, roots: Iterable[str], hooks: Iterable[str], power: Power, now: datetime) -> str:
    """Return the answer: ASCII, on one line, 64 KiB at most (Refused if the policy names more than fits).

    Keys: `gate` (a version number), `rsync` (`said`: what `rsync --version` prints; `confines`), `roots` (each `path`
    and `state`: folder, absent, link, not-a-folder, closed), `clock` (UTC), `power` (`on_battery`, `percent` or null),
    `hooks` (names).
    """
    line = json.dumps(
        {
            "gate": GATE_VERSION,
            "rsync": {"said": rsync.said, "confines": rsync.confines},
            "roots": [{"path": root, "state": state_of(root)} for root in roots],
            "clock": rfc3339(now),
            "power": asdict(power),
            "hooks": sorted(hooks),
        }
    )
    if len(line) > _MOST_CHARACTERS:
        raise Refused("not-understood", "the policy of this gate is too long to tell")
    return line


def rfc3339(at: datetime) -> str:
    """Return an aware time as RFC 3339 in UTC, to the second."""
    return at.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")  # noqa: UP017 (datetime.UTC needs 3.11)
