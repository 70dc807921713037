"""A strict YAML file, every place of it known: what stands where, and what is wrong there.

PyYAML alone reads YAML 1.1, lets the last of two equal keys win and forgets where things stood; each of
these has cost somebody a backup. This reader goes over PyYAML's nodes instead. The Desktop runs it too:
Python 3.9, the standard library and yaml.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from backupjump.config.problem import Problem, Where
from backupjump.config.scalars import NULL, fill_in, read_scalar
from backupjump.config.syntax import DEEPEST, NotYaml, Place, compose, decode, line_of
from backupjump.escape import shown

# `backupjump init` writes this where only the user knows the value; the words behind it say what goes there.
PLACEHOLDER = "REPLACE ME"

_MOST_NODES = 10_000
_MOST_BYTES = 256 * 1024


@dataclass(frozen=True)
class Document:
    """A file's value, the mistakes that its YAML has, and the place of each part.

    `whole` is False when the file could not be read to its end; `value` is then empty.
    """

    path: Path
    value: dict[str, Any] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    whole: bool = True
    text: str = ""
    places: Mapping[Where, tuple[Place, Place]] = field(default_factory=dict)
    """For each part: where its key stands (for an entry of a list: the entry itself), and where its value does."""

    def problem(self, where: Where, message: str, *, at_key: bool = False) -> Problem:
        """Return a problem at the value `where`, or at its key; of a path that is not there, at its nearest parent."""
        known = self.nearest(where)
        key_place, value_place = self.places.get(known, (Place(0, 0), Place(0, 0)))
        place = key_place if at_key else value_place
        source = line_of(self.text, place.line)
        return Problem(self.path, message, place.line + 1, place.column + 1, known, source, at_key)

    def nearest(self, where: Where) -> Where:
        """Return `where` without the parts that stand for nothing in the file."""
        known: Where = ()
        for part in where:
            known = (*known, part) if (*known, part) in self.places else known
        return known

    def at(self, where: Where) -> Any:
        """Return the value at `where`, which must be there."""
        value: Any = self.value
        for part in where:
            value = value[part]
        return value

    def tells(self, where: Where) -> bool:
        """Whether `problems` has a mistake at this value already, so that a second one would be an echo."""
        return any(problem.where == self.nearest(where) and not problem.at_key for problem in self.problems)


def read_document(path: Path) -> Document:
    """Return the document in the file at `path`, with its mistakes in `problems`; raises nothing."""
    try:
        with path.open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
    except OSError as error:
        return Document(path, problems=(Problem(path, f"can't be read: {error.strerror}"),), whole=False)
    return parse(path, raw, environment=os.environ)


def parse(path: Path, raw: bytes, *, environment: Mapping[str, str]) -> Document:
    """Return the document that `raw`, the content of `path`, holds, with its mistakes in `problems`."""
    text = ""
    try:
        if len(raw) > _MOST_BYTES:
            raise NotYaml(f"is larger than {_MOST_BYTES // 1024} KiB: not a config file", Place(0, 0))
        text = raw.decode("utf-8", "replace")
        text = decode(raw)
        reading = _Reading(path, text, environment)
        value = reading.top(compose(text))
        return Document(path, value, tuple(reading.problems), text=text, places=reading.places)
    except NotYaml as error:
        source = line_of(text, error.place.line)
        broken = Problem(path, error.message, error.place.line + 1, error.place.column + 1, (), source)
        return Document(path, problems=(broken,), whole=False)


class _Reading:
    """One walk over the nodes of a file, that notes places and mistakes."""

    def __init__(self, path: Path, text: str, environment: Mapping[str, str]) -> None:
        self.path = path
        self.text = text
        self.environment = environment
        self.places: dict[Where, tuple[Place, Place]] = {}
        self.problems: list[Problem] = []
        self.nodes = 0

    def top(self, node: yaml.Node | None) -> dict[str, Any]:
        if node is None or node.tag == NULL:
            raise NotYaml("the file is empty", Place(0, 0))
        if not isinstance(node, yaml.MappingNode):
            raise NotYaml("must hold keys and values, such as `port: 2020`", _place(node))
        value = self.value(node, (), _place(node))
        assert isinstance(value, dict)
        return value

    def value(self, node: yaml.Node, where: Where, key_place: Place) -> Any:
        self.nodes += 1
        # An alias brings its whole tree along each time, or even itself.
        if self.nodes > _MOST_NODES or len(where) > DEEPEST:
            raise NotYaml("its aliases unfold to more than a config can mean", key_place)
        self.places[where] = (key_place, _place(node))
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, where)
        if isinstance(node, yaml.SequenceNode):
            self.no_tag(node, where, yaml.resolver.BaseResolver.DEFAULT_SEQUENCE_TAG)
            return [self.value(entry, (*where, number), _place(entry)) for number, entry in enumerate(node.value)]
        return self.scalar(node, where)

    def mapping(self, node: yaml.MappingNode, where: Where) -> dict[str, Any]:
        self.no_tag(node, where, yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG)
        found: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self.note(_place(key), where, "a key must be a word; text with brackets goes in quotes", at_key=True)
            elif key.value in found:
                first = self.places[(*where, key.value)][0]
                message = f"is there twice; the first one stands at line {first.line + 1}, column {first.column + 1}"
                self.note(_place(key), (*where, key.value), message, at_key=True)
            else:
                found[key.value] = self.value(value, (*where, key.value), _place(key))
        return found

    def scalar(self, node: yaml.Node, where: Where) -> Any:
        value: Any = node.value
        try:
            value = read_scalar(node.tag, node.value)
            value = fill_in(value, self.environment) if isinstance(value, str) else value
        except ValueError as error:
            self.note(_place(node), where, str(error))
        if isinstance(value, str) and value.startswith(PLACEHOLDER):
            what = shown(value[len(PLACEHOLDER) :].strip(), limit=200)
            self.note(_place(node), where, f"is still to be filled in: {what}")
        return value

    def no_tag(self, node: yaml.Node, where: Where, plain: str) -> None:
        if node.tag != plain:
            self.note(_place(node), where, "has a tag of its own; only plain values are read here")

    def note(self, place: Place, where: Where, message: str, *, at_key: bool = False) -> None:
        source = line_of(self.text, place.line)
        self.problems.append(Problem(self.path, message, place.line + 1, place.column + 1, where, source, at_key))


def _place(node: yaml.Node) -> Place:
    return Place(node.start_mark.line, node.start_mark.column)
