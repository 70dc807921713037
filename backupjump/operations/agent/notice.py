"""Tell the owner when no backup has come about for too long: the Desktop is who notices a dead Server. Python 3.9."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from backupjump import process
from backupjump.errors import ProgramMissing
from backupjump.operations.agent.decide import When

log = logging.getLogger(__name__)

_AGAIN_AFTER = timedelta(days=1)
_SECONDS = 10.0


def is_due(published_at: When, *, watched_since: datetime, told_at: When, max_age: timedelta, now: datetime) -> bool:
    """Whether to tell now: the last backup, or the watch without any, is older than `max_age`; once a day. Pure."""
    age = now - (published_at or watched_since)
    return age > max_age and (told_at is None or now - told_at >= _AGAIN_AFTER)


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
