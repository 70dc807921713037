"""What a scalar of a config file stands for: YAML 1.2's core types, and `${VAR}` filled in.

YAML 1.1 reads `22:30` as 1350, `on` as true and `0755` as 493; here all three are text. The Desktop runs
this file: Python 3.9, the standard library alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

_TAG = "tag:yaml.org,2002:"
STR, NULL, BOOL, INT, FLOAT = (_TAG + name for name in ("str", "null", "bool", "int", "float"))

# YAML 1.2.2, 10.3.2 (core schema), save that a number with a leading zero is text, that infinity and NaN
# are text, and that no number is so long that it could not be meant. In the order in which they are tried.
PATTERNS: Mapping[str, re.Pattern[str]] = {
    NULL: re.compile(r"(?:~|null|Null|NULL|)"),
    BOOL: re.compile(r"(?:true|True|TRUE|false|False|FALSE)"),
    INT: re.compile(r"(?:[-+]?(?:0|[1-9][0-9]{0,17})|0o[0-7]{1,18}|0x[0-9a-fA-F]{1,15})"),
    FLOAT: re.compile(r"[-+]?(?:(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{0,18})?|\.[0-9]{1,18})(?:[eE][-+]?[0-9]{1,2})?"),
}
_READERS: Mapping[str, Callable[[str], str | int | float | None]] = {
    STR: str,
    NULL: lambda _text: None,
    BOOL: lambda text: text.lower() == "true",
    INT: lambda text: int(text, 0),
    FLOAT: float,
}
_VARIABLE = re.compile(r"\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$\{")


def plain_tag(text: str) -> str:
    """Return the tag of a scalar that stands there without quotes."""
    return next((tag for tag, pattern in PATTERNS.items() if pattern.fullmatch(text)), STR)


def read_scalar(tag: str, text: str) -> str | int | float | None:
    """Return the value of `text` under `tag`; ValueError for a tag that is not one of YAML's core, or does not fit."""
    if tag not in _READERS:
        raise ValueError("has a tag of its own; only plain values are read here")
    if tag in PATTERNS and not PATTERNS[tag].fullmatch(text):
        raise ValueError(f"is not what its tag !!{tag[len(_TAG) :]} says")
    return _READERS[tag](text)


def fill_in(text: str, environment: Mapping[str, str]) -> str:
    """Replace each `${VAR}` by the variable's value; `$${` stands for a plain `${`. ValueError when one is not set."""

    def value(match: re.Match[str]) -> str:
        if match[0] == "$${":
            return "${"
        if match[1] is None:
            raise ValueError("${ must be followed by a variable's name and }; for a plain ${ write $${")
        if match[1] not in environment:
            raise ValueError(f"the environment has no variable {match[1]}; for a plain ${{ write $${{")
        return environment[match[1]]

    return _VARIABLE.sub(value, text)
