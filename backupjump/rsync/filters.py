"""Turn a job's patterns into rsync filter rules for one source.

In a job a pattern that starts with / is a full path on the Desktop. rsync anchors such a pattern at the
root of the transfer, which is the source: so the part of the pattern that the source's own path uses up
is taken off, and a pattern for another source gives no rule at all.
Source: rsync(1), FILTER RULES and PATTERN MATCHING RULES.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from backupjump.errors import ConfigError

# What desktops fill by themselves and can fill again. Only folders, and only names that nobody gives to work.
DEFAULT_EXCLUDES = (
    ".cache/",
    ".thumbnails/",
    ".Trash/",
    ".Trash-[0-9]*/",
    ".local/share/Trash/",
    ".var/app/*/cache/",
    "Library/Caches/",
    "lost+found/",
)

# One element of a pattern: an escaped character, `*`s, `?`, a character class, or a plain character.
_ELEMENT = re.compile(r"\\.|\*+|\?|\[[!^]?\]?(?:\[:[a-z]+:\]|\\.|[^\]\\])*\]|.", re.DOTALL)
_WILD = re.compile(r"[*?\[]")
_POSIX_CLASSES = {
    "alpha": "a-zA-Z",
    "digit": "0-9",
    "alnum": "a-zA-Z0-9",
    "upper": "A-Z",
    "lower": "a-z",
    "space": r"\s",
}


def filter_rules(
    source: str, *, exclude: Iterable[str], include: Iterable[str] = (), default_excludes: bool = True
) -> tuple[str, ...]:
    """Return the rules for a pull of `source`, in rsync's order: the first that matches decides.

    An include wins over every exclude; a folder that is left out is not looked into, though. Raises
    ConfigError for an exclude that covers the whole source.
    """
    kept = [rule for pattern in include for rule in _anchored(pattern, source)]
    left_out = []
    for pattern in exclude:
        rules = _anchored(pattern, source)
        if _covers(pattern, source):
            raise ConfigError(
                f"exclude: {pattern!r} leaves out the whole source {source!r}",
                hint="take the source off the job, or exclude what lies in it",
            )
        left_out += rules
    if default_excludes:
        left_out += DEFAULT_EXCLUDES
    return tuple([f"+ {rule}" for rule in kept] + [f"- {rule}" for rule in left_out])


def _anchored(pattern: str, source: str) -> list[str]:
    """Return `pattern` as rsync must see it below `source`; empty when it speaks of other folders."""
    if not pattern.startswith("/"):
        return [pattern]
    if _whole(pattern) != pattern and _covers(pattern, source):
        return ["/***"]
    body, folder_only = (pattern[:-1], "/") if pattern.endswith("/") else (pattern, "")
    elements = _elements(body)
    rests = {"".join(elements[at:]) for at in _positions_after(elements, _prefix(source))}
    found = sorted(rest for rest in rests if rest.startswith(("/", "**")) and rest != "/")
    return [_without_idle_escapes(rest, body) + folder_only for rest in found]


def _covers(pattern: str, source: str) -> bool:
    """Say whether a full-path pattern matches the source itself or a folder above it."""
    if not pattern.startswith("/"):
        return False
    body = _whole(pattern).rstrip("/")
    if not body:
        return True
    elements = _elements(body)
    parts = _prefix(source).split("/")[1:]
    above = ["/" + "/".join(parts[: n + 1]) for n in range(len(parts))] if parts else []
    return any(len(elements) in _positions_after(elements, folder) for folder in above)


def _whole(pattern: str) -> str:
    # `dir/***` stands for the folder and all in it.
    return pattern.removesuffix("/***")


def _prefix(source: str) -> str:
    return "" if source == "/" else source


def _elements(pattern: str) -> list[str]:
    # Without a wildcard a backslash is an ordinary character.
    return _ELEMENT.findall(pattern) if _WILD.search(pattern) else list(pattern)


def _positions_after(elements: list[str], text: str) -> set[int]:
    """Return every position in `elements` where a match can stand once it has used up all of `text`."""
    states = _with_empty_stars(elements, {0})
    for character in text:
        moved = {
            at if elements[at][0] == "*" else at + 1
            for at in states
            if at < len(elements) and _takes(elements[at], character)
        }
        states = _with_empty_stars(elements, moved)
    return states


def _with_empty_stars(elements: list[str], states: set[int]) -> set[int]:
    reached = set(states)
    for at in sorted(states):
        while at < len(elements) and elements[at][0] == "*":
            at += 1
            reached.add(at)
    return reached


def _takes(element: str, character: str) -> bool:
    if element[0] == "*":
        return len(element) > 1 or character != "/"
    if element == "?":
        return character != "/"
    if element[0] == "[" and len(element) > 1:
        return character != "/" and re.fullmatch(_class(element), character) is not None
    return element[-1] == character


def _class(element: str) -> str:
    negated, inner = ("^", element[2:-1]) if element[1] in "!^" else ("", element[1:-1])
    inner = re.sub(r"\[:([a-z]+):\]", lambda match: _POSIX_CLASSES.get(match[1], ""), inner)
    return f"[{negated}{inner.replace('[', chr(92) + '[').replace(']', chr(92) + ']')}]"


def _without_idle_escapes(rest: str, body: str) -> str:
    # The head held the wildcards: what is left is read literally, so its escapes would become part of the name.
    return re.sub(r"\\(.)", r"\1", rest) if _WILD.search(body) and not _WILD.search(rest) else rest
