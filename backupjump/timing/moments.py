"""Clock times of a zone as moments: what a day's 02:30 is where clocks jump. Python 3.9, the standard library alone."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

# The floor is 3.9, which has no datetime.UTC.
_UTC = timezone.utc  # noqa: UP017


def moment(day: date, clock: time, zone: tzinfo) -> datetime:
    """Return when clocks in `zone` first show `clock` or later on `day`, in UTC.

    A time that the clocks jump over is the first moment after the gap; one in a repeated hour is the first of both.
    """
    wanted = datetime.combine(day, clock, tzinfo=zone)
    after = wanted.astimezone(_UTC)
    if after.astimezone(zone).replace(tzinfo=None) == wanted.replace(tzinfo=None):
        return after
    # The clocks jump over it. PEP 495: fold=0 reads the time by the offset before the gap, which lies
    # after it; fold=1 by the offset after it, which lies before it. The gap is found between the two.
    before = wanted.replace(fold=1).astimezone(_UTC)
    new_offset = after.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) // 2
        if middle.astimezone(zone).utcoffset() == new_offset:
            after = middle
        else:
            before = middle
    return after.replace(microsecond=0)


def zone_here(environment: Mapping[str, str] = os.environ, *, etc: Path = Path("/etc")) -> tzinfo:
    """Return the zone that this machine's clocks show: $TZ, else /etc/localtime, else UTC.  Source: tzset(3)."""
    name = environment.get("TZ", "").removeprefix(":")
    try:
        if name:
            return ZoneInfo(name)
        with (etc / "localtime").open("rb") as file:
            return ZoneInfo.from_file(file, key="localtime")
    except (OSError, ValueError, ZoneInfoNotFoundError):
        return _UTC
