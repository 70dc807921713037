"""Whether this machine's processor encrypts AES by itself. Python 3.9 and newer."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")
# A unit with ProcSubset=pid does not see the other; its features are numbers.
# Source: Linux drivers/base/cpu.c; arch/x86/include/asm/cpufeatures.h (4*32+25); arch/arm64 hwcap.h (bit 3).
_MODALIAS = Path("/sys/devices/system/cpu/modalias")
_NUMBERS = {"x86": "0099", "aarch64": "0003"}
# The first processor tells of all; with hundreds of them the file is long.
_MOST_BYTES = 16 * 1024
_FLAGS = re.compile(r"^(?:flags|Features)[ \t]*:(.*)$", re.MULTILINE)
_FEATURES = re.compile(r"cpu:type:(x86|aarch64)\b.*:feature:([0-9A-F,]*)")


def has_aes() -> bool | None:
    """Return whether the processor has instructions for AES; None where that can't be known, as without Linux."""
    for path in (_CPUINFO, _MODALIAS):
        with suppress(OSError), path.open("rb") as file:
            aes = read_aes(file.read(_MOST_BYTES).decode("ascii", "replace"))
            if aes is not None:
                return aes
    return None


def read_aes(text: str) -> bool | None:
    """Return what the text of either file says, None if nothing: a flag `aes` on x86 and ARM, or a feature's number."""
    if (flags := _FLAGS.search(text)) is not None:
        return "aes" in flags[1].split()
    if (features := _FEATURES.match(text)) is not None:
        return _NUMBERS[features[1]] in features[2].split(",")
    return None
