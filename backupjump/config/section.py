"""One mapping of a document, taken key by key; mistakes are collected, not raised.

What pydantic is to the Server, in the small, for what the Desktop runs: Python 3.9, no pydantic.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast

from backupjump.config.checks import read_name
from backupjump.config.problem import Problem, Where
from backupjump.config.yaml_file import Document

T = TypeVar("T")


def unknown_key(key: str, known: Iterable[str]) -> str:
    """Return what is wrong with a `key` that nobody reads, with a guess at the one that was meant."""
    names = sorted(known)
    near = difflib.get_close_matches(key, names, n=1)
    return f"unknown key, did you mean {near[0]!r}?" if near else f"unknown key; known here: {', '.join(names)}"


class Section:
    """The mapping `value` at `where` of `document`; each mistake in it is appended to `problems`.

    After a mistake the methods return the default, or None against their type: who reads a section must
    raise the collected problems before anybody sees the values.
    """

    def __init__(self, document: Document, where: Where, value: Any, problems: list[Problem]) -> None:
        self._document = document
        self._where = where
        self._value: dict[str, Any] = value if isinstance(value, dict) else {}
        self._problems = problems
        if not isinstance(value, dict):
            self.note((), "has no value" if value is None else "must hold keys and values")

    def __contains__(self, key: str) -> bool:
        return key in self._value

    def only(self, known: Iterable[str]) -> Section:
        """Return this section, each key that is not `known` noted as a mistake."""
        for key in self._value.keys() - set(known):
            self.note((key,), unknown_key(key, known), at_key=True)
        return self

    def need(self, key: str, read: Callable[[Any], T], *, meaning: str) -> T:
        """Return what `read` makes of the key's value; a key that is not there is a mistake."""
        self._is_there(key, meaning)
        return self.get(key, read, default=cast("T", None))

    def get(self, key: str, read: Callable[[Any], T], *, default: T) -> T:
        """Return what `read` makes of the key's value, or `default` when the key is not there."""
        return self._read((key,), self._value[key], read, default) if key in self._value else default

    def each(self, key: str, read: Callable[[Any], T], *, meaning: str) -> tuple[T, ...]:
        """Return what `read` makes of each entry of the key's list, which must have one at least."""
        self._is_there(key, meaning)
        entries = self._value.get(key, ())
        if key in self._value and (not isinstance(entries, list) or not entries):
            self.note((key,), "must be a list, with one entry at least")
            return ()
        return tuple(self._read((key, number), entry, read, cast("T", None)) for number, entry in enumerate(entries))

    def one(self, key: str) -> Section | None:
        """Return the key's mapping as a section, None when the key is not there."""
        return self._section((key,), self._value[key]) if key in self._value else None

    def several(self, key: str, *, meaning: str) -> list[Section]:
        """Return the key's mapping, or each mapping of its list, which must have one at least."""
        value = self._value.get(key)
        if isinstance(value, list):
            if not value:
                self.note((key,), "needs at least one entry")
            return [self._section((key, number), entry) for number, entry in enumerate(value)]
        self._is_there(key, meaning)
        return [self._section((key,), value)] if key in self._value else []

    def names(self) -> list[str]:
        """Return the keys of a section whose keys are names that the user made up."""
        for key in self._value:
            self._read((key,), key, read_name, key, at_key=True)
        return list(self._value)

    def note(self, where: Where, message: str, *, at_key: bool = False) -> None:
        """Remember a mistake at `where` below this section, unless the file itself was found wrong there."""
        where = (*self._where, *where)
        if at_key or not self._document.tells(where):
            self._problems.append(self._document.problem(where, message, at_key=at_key))

    def _is_there(self, key: str, meaning: str) -> None:
        if key not in self._value:
            self.note((), f"the key {key!r} is missing: {meaning}", at_key=True)

    def _section(self, where: Where, value: Any) -> Section:
        return Section(self._document, (*self._where, *where), value, self._problems)

    def _read(self, where: Where, value: Any, read: Callable[[Any], T], default: T, *, at_key: bool = False) -> T:
        try:
            return read(value)
        except ValueError as error:
            self.note(where, str(error) if value is not None else "has no value", at_key=at_key)
            return default
