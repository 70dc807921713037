"""The one renderer for names and texts that another machine chose.

A file name is bytes, and a hostile one can hold an escape sequence that rewrites the terminal, a
newline that forges a log line, or a bidi mark that turns `gpj.exe` around. Whatever came from a
Desktop or a JumpNode passes `shown` before a person sees it. Python 3.9 and newer.
"""

from __future__ import annotations

import shlex
import string
import unicodedata

# Cc control, Cf format (bidi, zero-width), Cs lone surrogate, Co private use, Cn unassigned, Zl/Zp line breaks.
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_PLAIN = frozenset(b"/._-+=,@ " + string.ascii_letters.encode() + string.digits.encode())
_SHORT = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\\": "\\\\"}


def shown(name: bytes | str, *, limit: int = 4096) -> str:
    """Return `name` on one line, every character that could act on a screen written as an escape.

    Different names give different texts: a backslash is doubled, a byte that is not UTF-8 becomes
    `\\xff`. Longer than `limit` characters, it is cut and ends in `…`.
    """
    text = name.decode("utf-8", "surrogateescape") if isinstance(name, bytes) else name
    rendered = "".join(_shown_character(character) for character in text[: limit + 1])
    return rendered if len(rendered) <= limit else rendered[: limit - 1] + "…"


def defused(text: str, *, limit: int = 4096) -> str:
    """Return a text that should have passed `shown` before, with what could act all the same as an escape.

    For a page that others open: what was shown already stays as it is, its backslashes are not doubled again.
    """
    rendered = "".join(each if each == "\\" else _shown_character(each) for each in text[: limit + 1])
    return rendered if len(rendered) <= limit else rendered[: limit - 1] + "…"


def shown_lines(text: bytes | str, *, lines: int = 20, limit: int = 400) -> str:
    """Return at most `lines` non-empty lines of a tool's output, each one passed through `shown`."""
    decoded = text.decode("utf-8", "surrogateescape") if isinstance(text, bytes) else text
    kept = [line for line in decoded.splitlines() if line.strip()]
    rendered = [shown(line, limit=limit) for line in kept[:lines]]
    return "\n".join(rendered + ([f"({len(kept) - lines} more lines)"] if len(kept) > lines else []))


def typable(name: bytes) -> str:
    """Return `name` as one word to type in bash, zsh or ksh, which shows harmlessly and means these very bytes."""
    text = name.decode("utf-8", "surrogateescape")
    if shown(text.replace("\\", ""), limit=len(text) + 1) == text.replace("\\", ""):
        return shlex.quote(text)
    # Of what follows \\x two digits belong to it, so a third one stands for itself.
    return "$'" + "".join(chr(byte) if byte in _PLAIN else f"\\x{byte:02x}" for byte in name) + "'"


def _shown_character(character: str) -> str:
    if character in _SHORT:
        return _SHORT[character]
    if character.isascii() and character.isprintable():
        return character
    number = ord(character)
    if 0xDC80 <= number <= 0xDCFF:  # a byte that surrogateescape carried through
        return f"\\x{number - 0xDC00:02x}"
    if unicodedata.category(character) in _UNSAFE:
        return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
    return character
