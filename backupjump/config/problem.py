"""One mistake at one place of a config file, and how a person gets to see it.

The Desktop runs this file: Python 3.9, the standard library alone.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from backupjump.errors import ConfigError
from backupjump.escape import shown

if TYPE_CHECKING:
    from typing import TypeAlias

Where: TypeAlias = "tuple[str | int, ...]"
"""A path into a document: keys, and numbers of entries."""

# A long line is shown around the caret only.
_BEFORE_CARET = 70
_WIDTH = 120


@dataclass(frozen=True)
class Problem:
    """What is wrong at a place: line and column count from 1; line 0 stands for the file as a whole."""

    path: Path
    message: str
    line: int = 0
    column: int = 0
    where: Where = ()
    source: str = ""
    at_key: bool = False

    @property
    def place(self) -> str:
        """`file:line:column`, or the file alone."""
        name = shown(str(self.path))
        return f"{name}:{self.line}:{self.column}" if self.line else name

    def render(self) -> str:
        """Return `file:line:column: dotted.path: what is wrong`, the line and a caret under the place."""
        path = dotted(self.where)
        head = f"{self.place}: {path + ': ' if path else ''}{self.message}"
        if not self.source.strip():
            return head
        start = max(0, self.column - 1 - _BEFORE_CARET)
        before = shown(self.source[start : self.column - 1])
        after = shown(self.source[self.column - 1 : start + _WIDTH])
        return f"{head}\n    {before}{after}\n    {' ' * _width(before)}^"


def dotted(where: Where) -> str:
    """Write a path into a document: `desktops.laptop.host_key[1]`."""
    text = ""
    for part in where:
        text += f"[{part}]" if isinstance(part, int) else f".{shown(part, limit=80)}" if text else shown(part, limit=80)
    return text


def raise_all(problems: Iterable[Problem]) -> None:
    """Raise one ConfigError with a paragraph for each problem, by file and line; return when there are none."""
    ordered = sorted(dict.fromkeys(problems), key=lambda problem: (problem.path, problem.line, problem.column))
    if ordered:
        raise ConfigError("\n".join(problem.render() for problem in ordered))


def _width(text: str) -> int:
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return len(text) + wide - sum(unicodedata.combining(character) != 0 for character in text)
