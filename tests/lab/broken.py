"""Broken labs for doctor: run it in this process, and do what it says, as it says it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from backupjump.demo.lab import Lab
from backupjump.operations.doctor.finding import FAIL, WARN, Finding
from backupjump.operations.doctor.on_server import look

_PROGRAMS = Path(sys.executable).parent
_ELSEWHERE = re.compile(r"on the (?P<machine>\w+)(?:, as root)?: (?P<command>.*)", re.DOTALL)


def found(config: Path, desktop: str | None = None) -> list[Finding]:
    """Return all that doctor finds on the Server with this config."""
    return list(look(config, desktop, telling=lambda _text: None))


def complaints(config: Path) -> dict[str, Finding]:
    """Return what doctor finds amiss, by check, but not that root receives: the tests run as root too."""
    bad = [each for each in found(config) if each.verdict in (FAIL, WARN)]
    return {each.check: each for each in bad if "receives as root" not in each.evidence}


def command_of(finding: Finding, *, machine: str | None = None) -> str:
    """Return the command of a fix, which is for this machine or for `machine`."""
    elsewhere = _ELSEWHERE.fullmatch(finding.fix)
    assert (elsewhere["machine"] if elsewhere else None) == machine, finding
    return elsewhere["command"] if elsewhere else finding.fix


def typed(command: str, *, lab: Lab, more: Mapping[str, str] | None = None, answer: str = "") -> str:
    """Type a command of a fix into a shell of the lab, whose programs are this checkout's; return what it printed.

    It has a terminal, at which it gets the `answer`.
    """
    path = f"{_PROGRAMS}:{os.environ['PATH']}"
    person, terminal = os.openpty()
    try:
        os.write(person, answer.encode())
        done = subprocess.run(
            ["sh", "-c", command],
            env={**os.environ, "PATH": path, **(more or {})},
            stdin=terminal,
            capture_output=True,
            text=True,
            check=False,
            cwd=lab.folder,
            timeout=60,
        )
    finally:
        os.close(person)
        os.close(terminal)
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    return done.stdout
