"""pydantic's complaints, each at its place in the file and in words for the person who wrote it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from backupjump.config.meanings import meanings
from backupjump.config.problem import Problem
from backupjump.config.section import unknown_key
from backupjump.config.yaml_file import Document

# pydantic's type of error -> our words, with the numbers of its context. pydantic.dev, errors/validation_errors.
_WORDS: Mapping[str, str] = {
    "string_type": "must be text; put it in quotes",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "tuple_type": "must be a list",
    "dict_type": "must hold keys and values",
    "model_type": "must hold keys and values",
    "too_short": "needs at least one entry",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "enum": "must be one of: {expected}",
    "literal_error": "must be one of: {expected}",
    "value_error": "{error}",
}


def model_problems(document: Document, noun: type[BaseModel], error: ValidationError) -> Iterator[Problem]:
    """Yield a problem for each complaint of `error` that the file's own problems don't tell already."""
    for complaint in error.errors(include_url=False):
        where = complaint["loc"]
        if _told_elsewhere(where, complaint):
            continue
        if where[-1] == "name":  # put in by the loader; in the file it is the key above
            yield document.problem(where[:-1], _words(complaint), at_key=True)
        elif complaint["type"] == "extra_forbidden":
            yield document.problem(where, unknown_key(str(where[-1]), keys_of(noun, where[:-1])), at_key=True)
        elif complaint["type"] == "missing":
            message = f"the key {where[-1]!r} is missing: {_clause(_meaning(_noun_at(noun, where[:-1]), where[-1]))}"
            yield document.problem(where[:-1], message, at_key=True)
        elif not document.tells(where):
            yield document.problem(where, _words(complaint))


def _told_elsewhere(where: tuple[str | int, ...], complaint: ErrorDetails) -> bool:
    """Whether it is a name's second telling, a job's stem (load.py), or a rule between keys (cross_checks.py)."""
    of_desktop = (len(where) == 2 and where[0] == "desktops") or where[-2:-1] == ("routes",)
    between_keys = complaint["type"] == "value_error" and of_desktop
    # Of a list whose entries are all wrong pydantic says that it is too short as well.
    echo = complaint["type"] == "too_short" and bool(complaint["input"])
    return not where or where[-1] == "[key]" or where == ("name",) or between_keys or echo


def keys_of(noun: type[BaseModel], where: tuple[str | int, ...] = ()) -> list[str]:
    """Return the keys that a file may have at `where`: a name comes from the key above or the file's stem."""
    return [key for key in _fields_of(_noun_at(noun, where)) if key not in ("name", "jobs")]


def _fields_of(noun: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return the fields of a noun by the keys that a file has for them: `from` is a word of Python's."""
    return {field.alias or name: field for name, field in noun.model_fields.items()}


def _meaning(noun: type[BaseModel], key: str | int) -> str:
    names = (name for name, field in noun.model_fields.items() if key in (name, field.alias))
    return next((meanings(noun).get(name, "") for name in names), "")


def _noun_at(noun: type[BaseModel], where: tuple[str | int, ...]) -> type[BaseModel]:
    for part in where:
        # A part that is not a field is a name (desktops.laptop) or a number in a list.
        if (field := _fields_of(noun).get(str(part))) is not None:
            noun = next(_nouns_in(field.annotation), noun)
    return noun


def _nouns_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _nouns_in(argument)


def _clause(sentence: str) -> str:
    """Return a sentence as a part of another: no capital in front (DNS stays), no full stop."""
    first = sentence[:1] if sentence[1:2].isupper() else sentence[:1].lower()
    return first + sentence[1:].removesuffix(".")


def _words(complaint: ErrorDetails) -> str:
    if complaint["input"] is None:
        return "has no value"
    words = _WORDS.get(complaint["type"])
    return words.format_map(complaint.get("ctx", {})) if words else complaint["msg"]
