"""Keys that a file may have but that this version does not act on yet: nothing is passed over in silence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from backupjump.config.problem import Where
from backupjump.config.yaml_file import Document


@dataclass(frozen=True)
class _Later:
    """A key for later; `*` stands for any name. With `value`, only that value is for later."""

    where: Where
    meanwhile: str
    value: str | None = None


JOB_LATER = (_Later(("streams",), "one transfer at a time"),)


def notes(document: Document, later: tuple[_Later, ...]) -> Iterator[str]:
    """Yield a line with the place of each key in `document` that is for `later`."""
    for where in document.places:
        for key in later:
            if _fits(where, key.where) and key.value in (None, document.at(where)):
                problem = document.problem(
                    where, f"read, but not acted on by this version: {key.meanwhile}", at_key=True
                )
                yield problem.render().partition("\n")[0]


def _fits(where: Where, pattern: Where) -> bool:
    return len(where) == len(pattern) and all(part in ("*", name) for name, part in zip(where, pattern))  # noqa: B905
