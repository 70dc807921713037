"""Whether this machine's processor encrypts AES by itself. Python 3.9 and newer."""

from __future__ import annotations

import re
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")
# The first processor tells of all; with hundreds of them the file is long.
_MOST_BYTES = 16 * 1024
_FLAGS = re.compile(r"^(?:flags|Features)[ \t]*:(.*)$", re.MULTILINE)


def has_aes() -> bool | None:
    """Return whether the processor has instructions for AES; None where that can't be known, as without Linux."""
    try:
        with _CPUINFO.open("rb") as file:
            return read_aes(file.read(_MOST_BYTES).decode("ascii", "replace"))
    except OSError:
        return None


def read_aes(cpuinfo: str) -> bool | None:
    """Return what the text of /proc/cpuinfo says, by `flags` on x86 or `Features` on ARM; None if it has neither."""
    found = _FLAGS.search(cpuinfo)
    return "aes" in found[1].split() if found is not None else None
