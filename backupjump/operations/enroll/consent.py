"""Ask the person at the terminal. Python 3.9, since the Desktop asks too."""

from __future__ import annotations

import sys

from backupjump.errors import UsageError


def agreed(question: str, *, yes: bool, unasked: str = "--yes") -> bool:
    """Return whether somebody says yes to `question`, unasked with `yes`; UsageError where nobody can be asked, which
    names `unasked` as the words that do without.
    """
    if yes:
        return True
    if not sys.stdin.isatty():
        raise UsageError(
            "there is no terminal to ask at, so nothing was changed",
            hint=f"the same again with {unasked}, once what is shown is right",
        )
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    answer = sys.stdin.readline()
    if not answer:
        sys.stderr.write("\n")  # Ctrl-D: what comes next begins a line
    return answer.strip().lower() in ("y", "yes")
