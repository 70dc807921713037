"""Where the Desktop's commands speak: a line for the person, a line on stderr."""

from __future__ import annotations

import os
import sys


def say(line: str) -> None:
    """Write a line to stdout at once: a reader may be waiting for it."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def warn(line: str) -> None:
    """Write a line to stderr."""
    sys.stderr.write(f"{line}\n")


def in_colour() -> bool:
    """Whether stdout is a terminal whose owner wants colours.  Source: no-color.org."""
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ
