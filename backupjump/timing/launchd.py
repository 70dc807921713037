"""The property lists of launchd, one a job. Read from Apple's pages and never run: nobody here has a Mac.

launchd has no time zones, starts nothing twice at the same time, and makes up once, at wake, for what a sleep
has skipped.  Source: launchd.plist(5).
"""

from __future__ import annotations

import plistlib
from typing import TYPE_CHECKING, Any

from backupjump.timing.cron import look_minutes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from backupjump.timing.slots import Slots, Timer

_PREFIX = "backupjump."


def plist(timer: Timer, *, logs: Path, in_local_time: bool) -> Mapping[str, str]:
    """Return the text by the file's name; what the program prints goes to a file in the folder `logs`."""
    label = _PREFIX + timer.job
    moments: list[dict[str, int]] = [{"Minute": minute} for minute in look_minutes(timer)]
    if timer.slots is not None and in_local_time:
        moments += _moments(timer.slots)
    log = str(logs / f"{label}.log")
    content: dict[str, Any] = {
        "Label": label,
        "ProgramArguments": list(timer.argv),
        "StartCalendarInterval": moments,
        "ProcessType": "Background",
        "LowPriorityIO": True,
        "Nice": 10,
        "StandardOutPath": log,
        "StandardErrorPath": log,
    }
    return {f"{label}.plist": plistlib.dumps(content, sort_keys=False).decode()}


def _moments(slots: Slots) -> list[dict[str, int]]:
    moment = {"Hour": slots.hour, "Minute": slots.minute}
    if slots.monthly:
        return [{"Day": 1, **moment}]
    # Sunday is 0, or 7.
    return [{"Weekday": (day + 1) % 7, **moment} for day in slots.weekdays] or [moment]
