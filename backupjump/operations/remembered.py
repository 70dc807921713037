"""What each Desktop said of its tunnel when it was last reached: STATE/desktops/NAME.json, one small file each.

The words are the Desktop's, bounded before they are kept; they are not for a screen as they are.
"""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from backupjump.errors import ConfigError
from backupjump.operations.gate import DesktopTunnel
from backupjump.run import rfc3339
from backupjump.whole_files import write_private_files

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger(__name__)

FOLDER = "desktops"
_MOST_BYTES = 64 * 1024
_MOST_WINDOWS = 50
_LONGEST_WORD = 100


@dataclass(frozen=True, kw_only=True)
class Remembered:
    """When a Desktop was last reached, and what its gate said of its tunnel; None where it said nothing."""

    at: datetime
    tunnel: DesktopTunnel | None


def remember(state: Path, desktop: str, tunnel: DesktopTunnel | None, *, now: datetime) -> None:
    """Keep what `desktop` said just now, in place of what it said before; a failure is logged alone."""
    values = {"at": rfc3339(now), "tunnel": _values_of(tunnel) if tunnel is not None else None}
    try:
        write_private_files(state / FOLDER, {f"{desktop}.json": json.dumps(values) + "\n"})
    except ConfigError as error:
        log.debug("what desktop %s said can't be kept: %s", desktop, error)


def recall(state: Path, desktop: str) -> Remembered | None:
    """Return what `desktop` said last; None if nothing is known, or nothing that can be read."""
    with suppress(OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        with (state / FOLDER / f"{desktop}.json").open("rb") as file:
            found = json.loads(file.read(_MOST_BYTES))
        told = found["tunnel"]
        return Remembered(at=_time(found["at"]), tunnel=_tunnel_of(told) if told is not None else None)
    return None


def _values_of(tunnel: DesktopTunnel) -> dict[str, Any]:
    return {
        "opens": tunnel.opens[:_LONGEST_WORD],
        "every": tunnel.every[:_LONGEST_WORD],
        "windows": [[word[:_LONGEST_WORD] for word in window] for window in tunnel.windows[:_MOST_WINDOWS]],
        "deferred_at": rfc3339(tunnel.deferred_at) if tunnel.deferred_at is not None else None,
        "deferred_why": tunnel.deferred_why[:_LONGEST_WORD],
    }


def _tunnel_of(told: dict[str, Any]) -> DesktopTunnel:
    return DesktopTunnel(
        opens=str(told["opens"]),
        every=str(told["every"]),
        windows=tuple((str(every), str(at), str(length)) for every, at, length in told["windows"]),
        deferred_at=_time(told["deferred_at"]) if told["deferred_at"] is not None else None,
        deferred_why=str(told["deferred_why"]),
    )


def _time(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("a time without a zone")
    return at
