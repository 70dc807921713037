"""When a Desktop's tunnel opens for a job that is due, by what the Desktop said of it. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from backupjump.config.desktop import Window
from backupjump.config.times import read_clock, read_duration, read_every
from backupjump.escape import shown
from backupjump.timing.windows import latest, upcoming

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    from backupjump.operations.gate import DesktopTunnel

# A job that meets its Desktop's tunnel so much later than it is due was not meant so.
WITHIN = timedelta(days=7)
_MOST_WINDOWS = 50


def late_opening(tunnel: DesktopTunnel, *, due_at: datetime, last_published_at: datetime | None, zone: ZoneInfo) -> str:
    """Return, for people, that the tunnel stays closed for 7 days after a job is due at `due_at`; else nothing.

    Without windows it opens when as much time has passed since a backup of the Desktop, at `last_published_at`, as
    its `every` says. Its windows are read as of `zone`, the store's. What it said that means nothing to us tells
    nothing. Times are aware.
    """
    try:
        if tunnel.opens == "windows":
            opens_at = _by_windows([_window(*each) for each in tunnel.windows[:_MOST_WINDOWS]], due_at, zone)
            how = ", ".join(f"{every} at {at} for {length}" for every, at, length in tunnel.windows[:3])
        elif tunnel.opens == "when-due" and last_published_at is not None:
            opens_at, how = last_published_at + read_duration(tunnel.every), f"every {tunnel.every}"
        else:
            return ""
    except ValueError:
        return ""
    if opens_at is not None and opens_at <= due_at + WITHIN:
        return ""
    return f"its tunnel stays closed for 7 days and more after the job is due (it opens {shown(how, limit=120)})"


def _by_windows(windows: Sequence[Window], due_at: datetime, zone: ZoneInfo) -> datetime | None:
    before = latest(windows, zone=zone, now=due_at)
    if before is not None and before.start + before.length > due_at:
        return due_at
    return upcoming(windows, zone=zone, now=due_at)


def _window(every: str, at: str, length: str) -> Window:
    """Return a window as the Desktop's config would have it; ValueError if it is none."""
    try:
        cadence = read_every(every)
    except ValueError:
        cadence = read_every(every.split())
    return Window(cadence, read_clock(at), read_duration(length))
