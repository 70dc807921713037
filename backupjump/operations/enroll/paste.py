"""Take in a text that a person brings: from a file, from a pipe, or pasted at the terminal up to its last line.

Python 3.9.
"""

from __future__ import annotations

import os
import sys
import termios
from contextlib import suppress
from pathlib import Path

from backupjump.errors import UsageError
from backupjump.escape import shown
from backupjump.operations.enroll.armour import MOST_PASTED_BYTES, has_ended

_STDIN = 0


def read_paste(file: Path | None, *, prompt: str) -> str:
    """Return the text in `file`, else what comes on standard input; at a terminal `prompt` asks for it.

    UsageError for a file that can't be read, or for more than 64 KiB.
    """
    if file is not None and str(file) != "-":
        return _decoded(_read_file(file))
    if not os.isatty(_STDIN):
        return _decoded(sys.stdin.buffer.read(MOST_PASTED_BYTES + 1))
    sys.stderr.write(f"{prompt}\n(its last line ends it; Ctrl-D where that is missing)\n")
    sys.stderr.flush()
    return _decoded(_read_terminal())


def _read_file(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(MOST_PASTED_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{shown(str(file))} can't be read: {error.strerror}") from error


def _read_terminal() -> bytes:
    """Read line by line, past Python's buffer: what stands behind the last line must not answer the next question."""
    read = b""
    while len(read) <= MOST_PASTED_BYTES:
        line = os.read(_STDIN, 4096)
        read += line
        if not line or has_ended(read.decode("utf-8", "replace")):
            break
    drop_typed_ahead()
    return read


def drop_typed_ahead() -> None:
    """Forget what was typed or pasted before a question is asked: it was no answer to it."""
    with suppress(termios.error, OSError):
        termios.tcflush(_STDIN, termios.TCIFLUSH)


def _decoded(raw: bytes) -> str:
    if len(raw) > MOST_PASTED_BYTES:
        raise UsageError(f"that is more than {MOST_PASTED_BYTES // 1024} KiB; paste the block alone")
    return raw.decode("utf-8", "replace")
