"""What each way to a Desktop carried in the last transfer that told: STATE/links/DESKTOP.json, a number a way.

The last one counts and not the best: a laptop that was in the LAN last week is in a hotel today.
Lost or unreadable, it is measured again.
"""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from backupjump.errors import ConfigError
from backupjump.run import rfc3339
from backupjump.whole_files import write_private_files

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path
    from typing import Any

log = logging.getLogger(__name__)

FOLDER = "links"
_MOST_BYTES = 64 * 1024


def remember_link(state: Path, desktop: str, way: str, bytes_per_second: int, *, now: datetime) -> None:
    """Keep what `way` to `desktop` just carried in a second, in place of what it did before; a failure is logged alone.

    Of two runs that end at once, one may be lost.
    """
    values = {**_read(state, desktop), way: {"bytes_per_second": bytes_per_second, "at": rfc3339(now)}}
    try:
        write_private_files(state / FOLDER, {f"{desktop}.json": json.dumps(values) + "\n"})
    except ConfigError as error:
        log.debug("what the link to %s carries can't be kept: %s", desktop, error)


def recall_link(state: Path, desktop: str, way: str) -> int | None:
    """Return how many bytes a second `way` to `desktop` carried the last time; None if nothing is known."""
    with suppress(KeyError, TypeError):
        carried = _read(state, desktop)[way]["bytes_per_second"]
        return carried if type(carried) is int and carried > 0 else None
    return None


def _read(state: Path, desktop: str) -> dict[str, Any]:
    with suppress(OSError, ValueError, RecursionError), (state / FOLDER / f"{desktop}.json").open("rb") as file:
        found = json.loads(file.read(_MOST_BYTES))
        return found if isinstance(found, dict) else {}
    return {}
