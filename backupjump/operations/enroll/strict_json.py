"""Read JSON that a stranger may have written: one object, its keys known, each value of the type that is meant.

Python 3.9.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from backupjump.config.checks import read_date, read_public_key

if TYPE_CHECKING:
    from datetime import date

T = TypeVar("T")

_ID = re.compile(r"[0-9a-f]{8}", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)


def write_object(value: Mapping[str, Any]) -> bytes:
    """Return `value` as the one JSON text for it, in ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")


def read_object(content: bytes) -> dict[str, Any]:
    """Return the object that `content` holds; ValueError if it holds anything else, or writes it in another way."""
    try:
        value: Any = json.loads(content.decode("ascii"))
        canonical = write_object(value) if isinstance(value, dict) else b""
    except (ValueError, RecursionError, TypeError) as error:
        raise ValueError("holds no JSON") from error
    # Two keys of one name, a float, another order: what both sides take a digest of has one form only.
    if not isinstance(value, dict) or canonical != content:
        raise ValueError("is not written as this program writes it")
    return value


class Fields:
    """An object taken key by key; `done` refuses what nobody asked for. Each mistake is a ValueError with the key."""

    def __init__(self, value: object, where: str = "") -> None:
        if not isinstance(value, dict):
            raise ValueError(f"{where.rstrip('.') or 'it'} must be an object")
        self._value = dict(value)
        self._where = where

    def take(self, key: str, read: Callable[[Any], T]) -> T:
        """Return what `read` makes of the key's value, which must be there."""
        if key not in self._value:
            raise ValueError(f"{self._where}{key} is missing")
        try:
            return read(self._value.pop(key))
        except ValueError as error:
            raise ValueError(f"{self._where}{key} {error}") from error

    def each(self, key: str, read: Callable[[Any], T], *, least: int = 0, most: int = 64) -> tuple[T, ...]:
        """Return what `read` makes of each entry of the key's list."""

        def entries(value: Any) -> tuple[T, ...]:
            if not isinstance(value, list) or not least <= len(value) <= most:
                raise ValueError(f"must be a list of {least} to {most} entries")
            return tuple(read(entry) for entry in value)

        return self.take(key, entries)

    def below(self, key: str) -> Fields:
        """Return the object under the key."""
        return Fields(self.take(key, lambda value: value), f"{self._where}{key}.")

    def done(self) -> None:
        """Refuse keys that nobody took."""
        if self._value:
            raise ValueError(
                f"{self._where}{min(self._value)[:40]!r} is not known here: was it made by a newer version?"
            )


def read_choice(*choices: str) -> Callable[[Any], str]:
    """Accept one of these words."""

    def read(value: Any) -> str:
        if not isinstance(value, str) or value not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return value

    return read


def read_schema(value: Any) -> int:
    """Accept the one schema that there is."""
    if type(value) is not int or value != 1:
        raise ValueError("is not known here: was it made by a newer version? update this one")
    return 1


def read_id(value: Any) -> str:
    """Accept the id of an enrolment: 8 hexadecimal digits."""
    return _matching(_ID, value, "must be 8 hexadecimal digits")


def read_digest(value: Any) -> str:
    """Accept a SHA-256 in hexadecimal digits."""
    return _matching(_DIGEST, value, "must be a SHA-256")


def read_optional_date(value: Any) -> date | None:
    """Accept a date, or null."""
    return None if value is None else read_date(value)


def read_ed25519(value: Any) -> str:
    """Accept the public half of an ed25519 key, without a comment."""
    key = read_bare_key(value)
    if not key.startswith("ssh-ed25519 ") or len(key) != len("ssh-ed25519 ") + 68:
        raise ValueError("is not an ed25519 key")
    return key


def read_bare_key(value: Any) -> str:
    """Accept a public key, without a comment."""
    if not isinstance(value, str) or len(value) > 4096:
        raise ValueError("must be a public key")
    if (key := read_public_key(value)) != value:
        raise ValueError("must be a public key without a comment")
    return key


def _matching(pattern: re.Pattern[str], value: Any, otherwise: str) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise ValueError(otherwise)
    return value
