"""Remember that a run is over: the tunnel closes on it, and opens again by its age."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

from backupjump.gate.grammar import Done
from backupjump.gate.state_file import replace_state

LAST_DONE = "last-done.json"
LAST_PUBLISHED = "last-published.json"

PUBLISHED = ("ok", "warning", "suspect")


def note_done(done: Done, *, state: Path) -> None:
    """Write the end of a run to `last-done.json` in `state`, of a published one to `last-published.json` too.

    Each holds `schema`, `at` (this Desktop's clock, UTC), `status`, `run_id`, `more`, and is there whole, the old
    or the new one.
    """
    at = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")  # noqa: UP017 (datetime.UTC needs 3.11)
    values = {"at": at, "status": done.status, "run_id": done.run_id, "more": done.more}
    for name in (LAST_PUBLISHED, LAST_DONE) if done.status in PUBLISHED else (LAST_DONE,):
        replace_state(state / name, values)
