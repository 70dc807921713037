"""The command on a Desktop, from one file or installed: `backupjump-desktop`, with argparse instead of click.

Everything here gets along with Python 3.9, the standard library and yaml. The gate is started several times in each
run of a job, so it costs no import that is not its own.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(words: Sequence[str] | None = None) -> int:
    """Obey the `words`, by default of this very process, and return the exit code."""
    words = sys.argv[1:] if words is None else words
    if words[:1] == ["gate"]:
        from backupjump.gate.main import main as gate

        return gate(words[1:])
    from backupjump.desktop.commands import obey

    return obey(words)
