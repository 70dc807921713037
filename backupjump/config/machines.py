"""The JumpNodes and Desktops of a Server, each with the place where a file tells of it.

One stands in backupjump.yaml below its name, or in a file of its own, jump_nodes/NAME.yaml or
desktops/NAME.yaml beside it: so a program can write one without a hand on a person's file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backupjump.config.problem import Problem, Where
from backupjump.config.yaml_file import Document

KINDS = ("jump_nodes", "desktops")
"""The folders of machines' files, which are also their keys in backupjump.yaml."""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """One machine as a file has it: `keys` stand at `base` of `document`."""

    kind: str
    name: str
    document: Document
    base: Where
    keys: Mapping[str, Any]

    def problem(self, where: Where, message: str, *, at_key: bool = False) -> Problem:
        """Return a problem at the key `where` of this machine."""
        return self.document.problem((*self.base, *where), message, at_key=at_key)

    def tells(self, where: Where) -> bool:
        """Whether the file itself was found wrong there."""
        return self.document.tells((*self.base, *where))

    def place(self, where: Where, *, seen_from: Machine) -> str:
        """Say where the key `where` stands: a line of the same file, or the file and its line."""
        found = self.problem(where, "")
        return f"line {found.line}" if self.document.path == seen_from.document.path else found.place


def machines(server: Document, files: Sequence[Document]) -> tuple[Machine, ...]:
    """Return the machines of backupjump.yaml, then those with a file of their own; a broken file is one without keys.

    What is no mapping is left out; the models tell of it.
    """
    inline = [
        Machine(kind=kind, name=name, document=server, base=(kind, name), keys=keys)
        for kind in KINDS
        for name, keys in mappings(server.value, kind).items()
    ]
    own = [
        Machine(kind=file.path.parent.name, name=file.path.stem, document=file, base=(), keys=file.value)
        for file in files
    ]
    return (*inline, *own)


def named_twice(found: Sequence[Machine]) -> Iterator[Problem]:
    """Yield a problem for each machine whose name another one of its kind has already."""
    first: dict[tuple[str, str], Machine] = {}
    for machine in found:
        other = first.setdefault((machine.kind, machine.name), machine)
        if other is not machine:
            message = f"{machine.kind}.{machine.name} is there already ({other.place((), seen_from=machine)}); keep one"
            yield machine.problem((), message, at_key=True)


def mappings(value: Mapping[str, Any], key: str) -> dict[str, Mapping[str, Any]]:
    """Return the mappings below `key` by name, without what is not a mapping."""
    found = value.get(key)
    return {name: below for name, below in found.items() if isinstance(below, dict)} if isinstance(found, dict) else {}
