"""Durations, clock times and cadences as people write them: `1h30m`, `02:30`, `6 hours`, `[mon, thu]`.

One reader for the Server and the Desktop, so that the same word means the same time on both. The Desktop
runs this file: Python 3.9, the standard library alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

_LENGTHS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_PART = r"(\d{1,9}(?:\.\d{1,6})?)\s*(w|weeks?|d|days?|h|hrs?|hours?|m|mins?|minutes?|s|secs?|seconds?)"
_PARTS = re.compile(rf"{_PART}(?:\s*,?\s*{_PART})*", re.ASCII)
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_STEPS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1)}


def read_duration(value: object) -> timedelta:
    """Read `90s`, `10m`, `1h30m`, `2 days`; a bare number, a clock time and anything negative are refused.

    At most ten years, so that no sum with a date overflows.
    """
    if isinstance(value, timedelta):
        return value
    text = value.strip().lower() if isinstance(value, str) else ""
    if not _PARTS.fullmatch(text):
        raise ValueError("is not a duration; write a number and a unit, such as 90s, 10m, 12h or 3 days")
    seconds = sum(float(number) * _LENGTHS[unit[0]] for number, unit in re.findall(_PART, text))
    if not 1 <= seconds <= 3660 * 86400:
        raise ValueError("must be from one second to ten years")
    return timedelta(seconds=seconds)


def write_duration(value: timedelta) -> str:
    """Write a duration in its largest whole unit: `12h`, `90m`, `3d`."""
    seconds = value.total_seconds()
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds % length == 0:
            return f"{seconds / length:.0f}{unit}"
    return f"{seconds:.6f}".rstrip("0").rstrip(".") + "s"


def read_clock(value: object) -> str:
    """Accept a clock time of 24 hours, with two digits each: `02:30`."""
    if not isinstance(value, str) or not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value, re.ASCII):
        raise ValueError('is not a clock time; write hours and minutes with two digits each, such as "02:30"')
    return value


@dataclass(frozen=True)
class Every:
    """How often something is due: a fixed `step`, or on `weekdays` (0 is Monday), or each month."""

    step: timedelta | None = None
    weekdays: tuple[int, ...] = ()
    monthly: bool = False

    @property
    def longest(self) -> timedelta:
        """The longest time that lies between two due times."""
        if self.step is not None:
            return self.step
        if self.monthly:
            return timedelta(days=31)
        ahead = [*self.weekdays[1:], self.weekdays[0] + 7]
        return timedelta(days=max(later - day for day, later in zip(self.weekdays, ahead)))  # noqa: B905


def read_every(value: object) -> Every:
    """Read `hour`, `6 hours`, `day`, `week`, `month` or a list of weekdays such as `[mon, thu]`."""
    if isinstance(value, (list, tuple)):
        if not value or any(day not in _WEEKDAYS for day in value):
            raise ValueError(f"is not a list of weekdays out of {', '.join(_WEEKDAYS)}")
        return Every(weekdays=tuple(sorted({_WEEKDAYS.index(day) for day in value})))
    if value == "month":
        return Every(monthly=True)
    match = (
        re.fullmatch(r"(?:([1-9]\d{0,2})\s+)?(hour|day|week)s?", value, re.ASCII) if isinstance(value, str) else None
    )
    if match is None:
        raise ValueError("is not a cadence: hour, 6 hours, day, 2 days, week, month or a list such as [mon, thu]")
    return Every(step=_STEPS[match[2]] * int(match[1] or 1))


def write_every(value: Every) -> str | list[str]:
    """Write a cadence so that `read_every` reads the same: `6 hours`, `month`, `[mon, thu]`."""
    if value.step is None:
        return "month" if value.monthly else [_WEEKDAYS[day] for day in value.weekdays]
    name, length = next((name, length) for name, length in reversed(_STEPS.items()) if not value.step % length)
    count = value.step // length
    return name if count == 1 else f"{count} {name}s"
