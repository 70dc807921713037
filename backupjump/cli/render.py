"""How values become text: tables, sizes, times, JSON. Nothing else in the program prints a table."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import click

from backupjump.operations.report import size as size

_JUST_NOW_SECONDS = 60


def table(headers: Sequence[str], rows: Iterable[Sequence[str]], *, right: Sequence[str] = ()) -> None:
    """Print rows under headers on stdout, as wide as they are; the columns named in `right` are right-aligned.

    Every cell must have passed escape.shown already where another machine chose it.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for header in headers:
        drawn.add_column(header, justify="right" if header in right else "left", no_wrap=True)
    for row in rows:
        drawn.add_row(*(Text(cell) for cell in row))
    # rich would cut every cell to fit a terminal, and to 80 columns in a pipe: half an id is no id.
    Console(highlight=False, width=10_000).print(drawn, soft_wrap=True)


def json_array(items: Iterable[Mapping[str, Any]]) -> None:
    """Print one JSON array on stdout, an item a line, as they come (a listing can be long)."""
    separator = "["
    for item in items:
        click.echo(f"{separator}{json.dumps(item)}", nl=False)
        separator = ",\n "
    click.echo("[]" if separator == "[" else "]")


def json_line(item: Mapping[str, Any]) -> None:
    """Print one JSON object as one line on stdout."""
    click.echo(json.dumps(item))


def number(count: int) -> str:
    """Return a count with thin groups: 12 345."""
    return f"{count:,}".replace(",", " ")


def local_time(at: datetime | None) -> str:
    """Return a time in this machine's zone, to the minute; `never` for None."""
    return at.astimezone().strftime("%Y-%m-%d %H:%M") if at is not None else "never"


def since(at: datetime, now: datetime) -> str:
    """Return how long ago a time was: `3 hours ago`; a clock that was wrong is told by its time."""
    if 0 <= (now - at).total_seconds() < _JUST_NOW_SECONDS:
        return "just now"
    return f"{_length((now - at).total_seconds())} ago" if at <= now else at.astimezone().strftime("%Y-%m-%d %H:%M")


def until(at: datetime, now: datetime) -> str:
    """Return how long it is to a time to come: `in 5 hours`."""
    return f"in {_length((at - now).total_seconds())}"


def _length(seconds: float) -> str:
    """Return a length in the unit in which it is 1 to 99 or so, whole: nobody wants more of it at a glance."""
    unit, word = (60, "minute") if seconds < 5_400 else (3_600, "hour") if seconds < 172_800 else (86_400, "day")
    count = int(seconds // unit)
    return f"{count} {word}{'' if count == 1 else 's'}"
