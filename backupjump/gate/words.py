"""Split what the Server asked for into words, as a shell would if it knew the backslash alone.

No quotes, no variables, no patterns: rsync escapes with a backslash all that a shell would act on
(safe_arg() in options.c), so that every other character means itself.
"""

from __future__ import annotations

import re

from backupjump.gate.refusal import Refused

MOST_BYTES = 4096

_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")


def split_words(command: bytes) -> tuple[str, ...]:
    """Return the words of `command`; Refused if it is too long, no UTF-8, or has a control byte or a lone backslash."""
    if len(command) > MOST_BYTES:
        raise Refused("not-understood", f"longer than {MOST_BYTES} bytes")
    if _CONTROL.search(command):
        raise Refused("not-understood", "a control byte")
    try:
        text = command.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused("not-understood", "not UTF-8") from None
    words, word, characters = [], "", iter(text)
    for character in characters:
        if character == " ":
            words.append(word)
            word = ""
        elif character == "\\":
            word += _escaped(next(characters, ""))
        else:
            word += character
    return (*words, word)


def _escaped(character: str) -> str:
    if not character:
        raise Refused("not-understood", "a backslash at the end")
    return character
