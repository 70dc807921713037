"""The Server's types for durations, sizes, rates and shares: `12h`, `2 GB`, `10 MB/s`, `25%`.

Each reads what a person writes and is written back in a form that reads as the same value.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, ByteSize, PlainSerializer, TypeAdapter

from backupjump.config.checks import read_share, write_share
from backupjump.config.times import read_duration, write_duration

_BYTES: TypeAdapter[ByteSize] = TypeAdapter(ByteSize)
_UNITS = {"TB": 10**12, "TiB": 2**40, "GB": 10**9, "GiB": 2**30, "MB": 10**6, "MiB": 2**20, "kB": 10**3, "KiB": 2**10}


def read_size(value: Any) -> int:
    """Read `500 kB`, `2 GB` (powers of ten) or `2 GiB` (powers of two) as bytes."""
    # A lower-case b is a bit to ByteSize (10 Mb is 1.25 MB): nobody means that in a backup's config.
    pattern = r"\d{1,15}(?:\.\d{1,6})?\s*(?:[kKMGTP]i?)?B"
    if not isinstance(value, str) or not re.fullmatch(pattern, value.strip(), re.ASCII):
        raise ValueError("is not a size; write a number and a unit, such as 500 kB, 2 GB or 2 GiB")
    return int(_BYTES.validate_python(value.strip()))


def write_size(value: int) -> str:
    """Write bytes in the largest unit that divides them: `2 GB`, `512 KiB`, `1001 B`."""
    fitting = [unit for unit, length in _UNITS.items() if value and value % length == 0]
    unit = max(fitting, key=_UNITS.__getitem__, default="B")
    return f"{value // _UNITS.get(unit, 1)} {unit}"


def read_rate(value: Any) -> int:
    """Read `10 MB/s` as bytes per second, at least 1024 (rsync's unit is 1024 bytes)."""
    try:
        size, _, second = value.rpartition("/") if isinstance(value, str) else ("", "", "")
        return max(1024, read_size(size if second.strip() == "s" else ""))
    except ValueError:
        raise ValueError("is not a rate; write a size per second, such as 500 kB/s or 10 MB/s") from None


def write_rate(value: int) -> str:
    """Write bytes per second as `10 MB/s`."""
    return f"{write_size(value)}/s"


Duration = Annotated[
    timedelta,
    BeforeValidator(read_duration, json_schema_input_type=str),
    PlainSerializer(write_duration, return_type=str),
]
Size = Annotated[
    int,
    BeforeValidator(read_size, json_schema_input_type=str),
    PlainSerializer(write_size, return_type=str),
]
Rate = Annotated[
    int,
    BeforeValidator(read_rate, json_schema_input_type=str),
    PlainSerializer(write_rate, return_type=str),
]
Share = Annotated[
    float,
    BeforeValidator(read_share, json_schema_input_type=str),
    PlainSerializer(write_share, return_type=str),
]
