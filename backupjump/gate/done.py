"""Remember that a run is over: the tunnel closes on it, and opens again by its age."""

from __future__ import annotations

import json
import os
from datetime import datetime, timezone
from pathlib import Path

from backupjump.gate.grammar import Done

LAST_DONE = "last-done.json"
LAST_PUBLISHED = "last-published.json"

PUBLISHED = ("ok", "warning", "suspect")


def note_done(done: Done, *, state: Path) -> None:
    """Write the end of a run to `last-done.json` in `state`, of a published one to `last-published.json` too.

    Each holds `schema`, `at` (this Desktop's clock, UTC), `status`, `run_id`, `more`, and is there whole, the old
    or the new one.
    """
    at = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")  # noqa: UP017 (datetime.UTC needs 3.11)
    line = json.dumps({"schema": 1, "at": at, "status": done.status, "run_id": done.run_id, "more": done.more})
    for name in (LAST_PUBLISHED, LAST_DONE) if done.status in PUBLISHED else (LAST_DONE,):
        _replace(state / name, line + "\n")


def _replace(path: Path, text: str) -> None:
    # Two jobs may be done in one moment: each writes a file of its own first.
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    with fresh.open("w") as file:
        fresh.chmod(0o640)  # the agent may be in its group
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
