"""Bytes to YAML nodes, and PyYAML's complaints in words that help.

The Desktop runs this file: Python 3.9, the standard library and yaml.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import yaml

from backupjump.config.scalars import STR, plain_tag
from backupjump.escape import shown

DEEPEST = 50

# YAML 1.2.2, 5.1: the characters that a file may hold.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_TAB_IN_FRONT = re.compile(r" *\t")

# What PyYAML says -> what to do about it. The first that its words begin with, or contain, is taken.
_ADVICE = (
    ("expected a single document", "a second document (---) begins here; a file holds one"),
    ("expected alphabetic or numeric character", "a text that starts with * or & must be in quotes"),
    ("found undefined alias", "a text that starts with * must be in quotes"),
    ("found undefined tag handle", "a text that starts with ! must be in quotes"),
    ("that cannot start any token", "a text that starts with this character must be in quotes"),
    (
        "mapping values are not allowed",
        "a colon can't stand here: is `: ` missing on the line before, or are quotes?",
    ),
    (
        "could not find expected ':'",
        "is neither `key: value` nor a list's `- entry`: is a colon or a space after it missing?",
    ),
    ("expected <block end>", "does not stand in one column with the lines before it"),
    ("<stream end>", "a quote or bracket is not closed"),
    ("found unexpected end of stream", "a quote or bracket is not closed"),
    ("found unexpected document separator", "a quote or bracket is not closed"),
)


class Place(NamedTuple):
    """A place in a text; line and column count from 0."""

    line: int
    column: int


class NotYaml(Exception):
    """The text can't be read as YAML beyond `place`."""

    def __init__(self, message: str, place: Place) -> None:
        super().__init__(message)
        self.message = message
        self.place = place


def decode(raw: bytes) -> str:
    """Return `raw` as text without a byte order mark; NotYaml where it is not UTF-8 or not text."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = place_of(raw.decode("utf-8", "replace"), len(raw[: error.start].decode("utf-8", "replace")))
        raise NotYaml("is not UTF-8 text", place) from error
    if forbidden := _FORBIDDEN.search(text):
        message = f"the character {shown(forbidden[0])} can't stand in a config file"
        raise NotYaml(message, place_of(text, forbidden.start()))
    return text


def compose(text: str) -> yaml.Node | None:
    """Return the top node of the one document in `text`, None when there is none; NotYaml when it is broken."""
    loader = _Loader(text)
    try:
        return loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        context = error.context or ""
        begin = error.context_mark if context.startswith("while scanning") else None
        mark = begin or error.problem_mark or loader.get_mark()
        raise _not_yaml(text, f"{context} {error.problem or ''}", Place(mark.line, mark.column)) from error
    # An escape such as "\UFFFFFFFF", or a %YAML directive with a number of thousands of digits.
    except (ValueError, OverflowError) as error:
        mark = loader.get_mark()
        raise NotYaml("a number here is out of range", Place(mark.line, mark.column)) from error


def place_of(text: str, index: int) -> Place:
    """Return where the character `index` of `text` stands."""
    breaks = [match.end() for match in _LINE_BREAK.finditer(text, 0, index)]
    return Place(len(breaks), index - (breaks[-1] if breaks else 0))


def line_of(text: str, number: int) -> str:
    """Return a line of `text`, counted from 0, without its end; nothing when there is no such line."""
    lines = _LINE_BREAK.split(text)
    return lines[number] if number < len(lines) else ""


def _not_yaml(text: str, complaint: str, place: Place) -> NotYaml:
    for number in range(place.line, max(-1, place.line - 2), -1):
        if tab := _TAB_IN_FRONT.match(line_of(text, number)):
            return NotYaml("is indented with a tab; YAML takes spaces only", Place(number, tab.end() - 1))
    if "'\\t' that cannot start" in complaint:
        return NotYaml("a tab can't stand here; YAML takes spaces only", place)
    for words, advice in _ADVICE:
        if words in complaint:
            return NotYaml(advice, place)
    return NotYaml(f"is not YAML: {shown(complaint, limit=200)}", place)


class _Loader(yaml.SafeLoader):
    """PyYAML's reader with the scalars of YAML 1.2, and an end to how deep a file may nest."""

    depth = 0

    def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
        if kind is yaml.ScalarNode:
            return plain_tag(value) if implicit[0] else STR
        return super().resolve(kind, value, implicit)  # type: ignore[no-untyped-call]

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.depth > DEEPEST:
            mark = self.get_mark()
            raise NotYaml("nests too deeply", Place(mark.line, mark.column))
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node
