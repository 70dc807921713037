"""Ask the person at the terminal. Python 3.9, since the Desktop asks too."""

from __future__ import annotations

import sys

from backupjump.errors import UsageError


def agreed(question: str, *, yes: bool) -> bool:
    """Return whether somebody says yes to `question`, unasked with `yes`; UsageError where nobody can be asked."""
    if yes:
        return True
    if not sys.stdin.isatty():
        raise UsageError(
            "there is no terminal to ask at", hint="the same again with --yes, once what is shown is right"
        )
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
