"""Tell the owner when no backup has come about for too long: the Desktop is who notices a dead Server. Python 3.9."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from backupjump import process
from backupjump.errors import ProgramMissing
from backupjump.operations.agent.decide import When

log = logging.getLogger(__name__)

_AGAIN_AFTER = timedelta(days=1)
_PATIENCE_SECONDS = 7200.0
_SECONDS = 10.0


class Watch:
    """Since when there has been no backup, and how long one has been waited for in vain. No clock, no effect."""

    def __init__(self, since: datetime) -> None:
        self._since = since
        self._told_at: When = None
        self._looked_at: float | None = None
        self._in_vain_seconds = 0.0

    def is_due(self, published_at: When, *, max_age: timedelta, wanted: bool, at: float, now: datetime) -> bool:
        """Whether to tell the owner now: the last backup, or the watch without any, is older than `max_age`.

        Only after the tunnel has been wanted for two hours since it was too old: on a Monday morning it is, and nothing
        is wrong. Then once a day. `at` are seconds of a clock that stands still while the machine sleeps.
        """
        passed = at - self._looked_at if self._looked_at is not None else 0.0
        self._looked_at = at
        if now - (published_at or self._since) <= max_age:
            self._in_vain_seconds = 0.0
            return False
        self._in_vain_seconds += passed if wanted else 0.0
        told_lately = self._told_at is not None and now - self._told_at < _AGAIN_AFTER
        if told_lately or self._in_vain_seconds < _PATIENCE_SECONDS:
            return False
        self._told_at = now
        return True


def text(published_at: When, *, now: datetime) -> str:
    """Return what to say. Pure."""
    if published_at is None:
        return "This computer has never been backed up. Is the backup server running?"
    days = (now - published_at) / timedelta(days=1)
    return f"The last backup of this computer is {days:.0f} days old. Is the backup server running?"


def tell(message: str) -> bool:
    """Show `message` on the desktop and in the log; False where there is no desktop to show it on.

    Source: notify-send(1).
    """
    log.warning("%s see: backupjump tunnel status", message)
    argv = ["notify-send", "--app-name=backupjump", "--urgency=normal", "--icon=dialog-warning", "backupjump", message]
    try:
        return process.run(argv, timeout=_SECONDS).status == 0
    except (ProgramMissing, process.TimedOut):
        return False
