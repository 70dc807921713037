"""The types of single values in the Server's config: what checks.py and times.py accept, as pydantic wants it."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field

from backupjump.config.checks import (
    read_argument,
    read_date,
    read_folder,
    read_host,
    read_host_key,
    read_key_path,
    read_name,
    read_public_key,
    read_source,
    read_tunnel_port,
)
from backupjump.config.times import read_clock, read_every


def as_sequence(value: Any) -> Any:
    """Take one entry for a list of one."""
    return value if isinstance(value, list | tuple) else (value,)


def _read_pattern(value: str) -> str:
    if not value or re.search(r"[\x00\r\n]", value):
        raise ValueError("is not an rsync pattern: empty, or with a line break")
    return value


def _read_every(value: Any) -> Any:
    read_every(value)
    return value


def _read_timezone(value: str) -> str:
    try:
        ZoneInfo(value)
    # A folder of the time zone database, such as "Europe", is an OSError.
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{value!r} is not an IANA name such as Europe/Paris") from error
    return value


Name = Annotated[str, AfterValidator(read_name)]
Host = Annotated[str, AfterValidator(read_host)]
HostKeys = Annotated[
    tuple[Annotated[str, AfterValidator(read_host_key)], ...],
    BeforeValidator(as_sequence, json_schema_input_type=str | list[str]),
    Field(min_length=1),
]
PublicKey = Annotated[str, AfterValidator(read_public_key)]
Day = Annotated[date, BeforeValidator(read_date, json_schema_input_type=str)]
TunnelPort = Annotated[int, Field(strict=True), AfterValidator(read_tunnel_port)]
Port = Annotated[int, Field(strict=True, ge=1, le=65535)]
KeyPath = Annotated[Path, BeforeValidator(read_key_path, json_schema_input_type=str)]
Folder = Annotated[Path, BeforeValidator(read_folder, json_schema_input_type=str)]
Source = Annotated[str, AfterValidator(read_source)]
Pattern = Annotated[str, AfterValidator(_read_pattern)]
Count = Annotated[int, Field(strict=True, ge=0, le=1_000_000)]
Flag = Annotated[bool, Field(strict=True)]
Argv = Annotated[tuple[Annotated[str, AfterValidator(read_argument)], ...], Field(min_length=1)]
Cadence = Annotated[str | tuple[str, ...], BeforeValidator(_read_every, json_schema_input_type=str | list[str])]
Clock = Annotated[str, BeforeValidator(read_clock, json_schema_input_type=str)]
TimeZone = Annotated[str, AfterValidator(_read_timezone)]
