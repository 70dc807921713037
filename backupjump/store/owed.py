"""What a job still owes its Desktop: hooks that belong behind a run and could not be run there.

The file is written before the first hook of a run is started, so it is there too after a power cut of this machine.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from backupjump.run import rfc3339
from backupjump.store.failures import told_as_store_error
from backupjump.whole_files import replacing

if TYPE_CHECKING:
    from pathlib import Path

    from backupjump.store.layout import JobFolder

log = logging.getLogger(__name__)

_SCHEMA = 1
_MOST_BYTES = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class Owed:
    """Names of hooks that are to be run, in order, for the run of an aware time; `tries` to do so have failed."""

    run_id: str
    since: datetime
    hooks: tuple[str, ...]
    tries: int = 0


def read_owed(folder: JobFolder) -> Owed | None:
    """Return what a job owes, None for nothing. What can't be read is logged, and counts as nothing."""
    try:
        with _file(folder).open("rb") as file:
            found = json.loads(file.read(_MOST_BYTES))
        owed = Owed(
            run_id=str(found["run_id"]),
            since=datetime.fromisoformat(found["since"]),
            hooks=tuple(str(name) for name in found["hooks"]),
            tries=int(found["tries"]),
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        log.warning("%s can't be read, so hooks that should still run may not: %s", _file(folder), error)
        return None
    return owed if owed.hooks else None


def write_owed(folder: JobFolder, owed: Owed) -> None:
    """Keep `owed` in place of what was owed, nothing if it has no hooks; the job's lock must be held.

    It is on the disk when this returns. Raises StoreError, and then the older one stands.
    """
    if not owed.hooks:
        with told_as_store_error("what the Desktop is owed can't be removed"):
            _file(folder).unlink(missing_ok=True)
        return
    values = {"schema": _SCHEMA, "run_id": owed.run_id, "since": rfc3339(owed.since), "tries": owed.tries}
    with told_as_store_error("what the Desktop is owed can't be kept"), replacing(_file(folder)) as file:
        file.write(json.dumps({**values, "hooks": owed.hooks}).encode("ascii") + b"\n")


def _file(folder: JobFolder) -> Path:
    return folder.path / "owed-hooks.json"
