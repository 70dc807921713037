"""`tunnel open` while the agent runs: one listener on the JumpNode, so it is the agent that opens. Python 3.9."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

from backupjump.errors import BackupjumpError, JumpNodeUnreachable
from backupjump.escape import shown, shown_lines
from backupjump.gate.veto import HELD
from backupjump.operations.agent.lock import is_held
from backupjump.operations.agent.memory import read_told, write_until

_WITHIN_SECONDS = 30.0
_POLL_SECONDS = 0.2


def hold(state: Path, length: timedelta) -> bool:
    """Ask the agent to keep the tunnel open for `length`; False if none runs.

    Returns once it stands; raises, with the request taken back, why it does not within half a minute.
    """
    told = read_told(state)
    if told is None or not told.pid or not is_held(state):
        return False
    asked_at = datetime.now(timezone.utc).replace(microsecond=0)  # noqa: UP017 (datetime.UTC needs 3.11)
    write_until(state, HELD, asked_at + length)
    try:
        _await_open(state, asked_at)
    except BaseException:
        write_until(state, HELD, None)
        raise
    return True


def _await_open(state: Path, asked_at: datetime) -> None:
    deadline = time.monotonic() + _WITHIN_SECONDS
    while time.monotonic() < deadline:
        told = read_told(state)
        if told is not None and told.at >= asked_at and told.phase == "open":
            return
        time.sleep(_POLL_SECONDS)
    told = read_told(state)
    if told is None or not told.trouble:
        message = "the agent could not open the tunnel: its process does not answer"
        raise BackupjumpError(message, hint="see: backupjump tunnel status")
    kind = BackupjumpError if told.needs_person else JumpNodeUnreachable
    message = f"the agent could not open the tunnel: {shown_lines(told.trouble, lines=4)}"
    raise kind(message, hint=shown(told.hint) or "see: backupjump tunnel status")
