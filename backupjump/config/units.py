"""Durations, sizes, rates and shares as people write them: `12h`, `2 GB`, `10 MB/s`, `25%`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, ByteSize, PlainSerializer, TypeAdapter

_BYTES: TypeAdapter[ByteSize] = TypeAdapter(ByteSize)
_SHARE = re.compile(r"(\d+(?:\.\d+)?)\s*%")


def read_duration(value: Any) -> timedelta:
    """Read `90s`, `10m`, `1h30m`, `2 days`; a bare number, a clock time and anything negative are refused."""
    from pytimeparse.timeparse import timeparse

    if isinstance(value, timedelta):
        return value
    # pytimeparse reads 20:00 as 20 minutes and accepts a sign; both would be surprises in a config.
    plausible = isinstance(value, str) and re.fullmatch(r"[\d.]+\s*[A-Za-z][\w\s.,]*", value.strip())
    seconds = timeparse(value) if plausible else None
    if not seconds:
        raise ValueError("is not a duration; write a number and a unit, such as 90s, 10m, 12h or 3 days")
    return timedelta(seconds=seconds)


def read_size(value: Any) -> int:
    """Read `500 kB`, `2 GB` (powers of ten) or `2 GiB` (powers of two) as bytes."""
    # A lower-case b is a bit to ByteSize (10 Mb is 1.25 MB): nobody means that in a backup's config.
    if not isinstance(value, str) or not re.fullmatch(r"\d+(?:\.\d+)?\s*(?:[kKMGTP]i?)?B", value.strip()):
        raise ValueError("is not a size; write a number and a unit, such as 500 kB, 2 GB or 2 GiB")
    return int(_BYTES.validate_python(value.strip()))


def read_rate(value: Any) -> int:
    """Read `10 MB/s` as bytes per second, at least 1024 (rsync's unit is 1024 bytes)."""
    if not isinstance(value, str) or not value.strip().endswith("/s"):
        raise ValueError("is not a rate; write a size per second, such as 500 kB/s or 10 MB/s")
    return max(1024, read_size(value.strip().removesuffix("/s").strip()))


def read_share(value: Any) -> float:
    """Read `25%` as 0.25; from 0% to 100%."""
    match = _SHARE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or float(match[1]) > 100:
        raise ValueError("is not a share; write a percentage from 0% to 100%, such as 25%")
    return float(match[1]) / 100


@dataclass(frozen=True)
class Every:
    """How often a job is due: a fixed `step`, or on `weekdays` (0 is Monday), or each month."""

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
        return timedelta(days=max(later - day for day, later in zip(self.weekdays, ahead, strict=True)))


_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_STEPS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1)}


def read_every(value: str | tuple[str, ...]) -> Every:
    """Read `hour`, `6 hours`, `day`, `week`, `month` or a list of weekdays such as `[mon, thu]`."""
    if isinstance(value, tuple):
        if not value or any(day not in _WEEKDAYS for day in value):
            raise ValueError(f"is not a list of weekdays out of {', '.join(_WEEKDAYS)}")
        return Every(weekdays=tuple(sorted({_WEEKDAYS.index(day) for day in value})))
    if value == "month":
        return Every(monthly=True)
    match = re.fullmatch(r"(?:([1-9]\d{0,2})\s+)?(hour|day|week)s?", value)
    if match is None:
        raise ValueError("is not a cadence: hour, 6 hours, day, 2 days, week, month or a list such as [mon, thu]")
    return Every(step=_STEPS[match[2]] * int(match[1] or 1))


def write_duration(value: timedelta) -> str:
    """Write a duration in its largest whole unit: `12h`, `90m`, `3d`."""
    seconds = int(value.total_seconds())
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds % length == 0:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


_AS_TEXT = PlainSerializer(write_duration, return_type=str)

Duration = Annotated[timedelta, BeforeValidator(read_duration, json_schema_input_type=str), _AS_TEXT]
Size = Annotated[int, BeforeValidator(read_size, json_schema_input_type=str)]
Rate = Annotated[int, BeforeValidator(read_rate, json_schema_input_type=str)]
Share = Annotated[float, BeforeValidator(read_share, json_schema_input_type=str)]
