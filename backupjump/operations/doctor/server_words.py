"""How the Server's checks put an error and a command into a Finding: each on one line."""

from __future__ import annotations

import os
import re
import shlex
from typing import TYPE_CHECKING

from backupjump.escape import shown

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from backupjump.errors import BackupjumpError
    from backupjump.process import TimedOut

START_SSHD = "systemctl start ssh || service ssh start"

# What stands behind these words of a hint or a message is a command.
_COMMAND = re.compile(
    r"(?:^|[:;] )(?:type|make it|make one|take it off|on Debian or Ubuntu|try|see): (?P<command>\S.*)$"
)


def evidence_of(error: BackupjumpError | TimedOut) -> str:
    """Return an error's message, which is safe to show, on one line."""
    return "; ".join(line.strip() for line in str(error).splitlines() if line.strip())


def command_in(text: str) -> str:
    """Return the command at the end of a message or hint of ours, or nothing."""
    found = _COMMAND.search(text)
    return found["command"] if found else ""


def here_as_root(command: str) -> str:
    """Return a command for this machine that root must type."""
    return command if os.geteuid() == 0 else f"sudo {command}"


def on(machine: str, command: str) -> str:
    """Return a command for another machine: `JumpNode`, `Desktop`."""
    return f"on the {machine}: {command}"


def on_as_root(machine: str, command: str) -> str:
    """Return a command for root on another machine."""
    return f"on the {machine}, as root: {command}"


def edit(path: Path, line: int = 0) -> str:
    """Return the command that opens a file of ours in the person's editor, at a line."""
    return f"${{EDITOR:-vi}} {f'+{line} ' if line else ''}{quoted(path)}"


def quoted(*paths: Path | str) -> str:
    """Return paths as words for a shell; one with control characters comes escaped, and means another file then."""
    return " ".join(shlex.quote(shown(str(path)) if _has_controls(str(path)) else str(path)) for path in paths)


def _has_controls(text: str) -> bool:
    return not text.isprintable()


def listed(names: Iterable[str], *, most: int = 5) -> str:
    """Return names as `a, b and 3 more`."""
    all_of_them = list(names)
    rest = len(all_of_them) - most
    return ", ".join(all_of_them[:most]) + (f" and {rest} more" if rest > 0 else "")
