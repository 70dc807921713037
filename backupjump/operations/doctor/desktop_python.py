"""Whether the Python that starts the gate is fit for it, and the one-file program ready for that Python. Python 3.9."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import sys
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from backupjump.escape import shown
from backupjump.operations.doctor.desktop_config import as_root, quoted
from backupjump.operations.doctor.finding import FAIL, OK, SKIP, WARN, Finding

OLDEST = (3, 9)

_MEMBER = "backupjump/errors.pyc"


def check_python(version: tuple[int, ...] = sys.version_info[:3]) -> Finding:
    """Look at the Python that runs this."""
    told = f"Python {'.'.join(map(str, version))} ({platform.python_implementation()}), {shown(sys.executable)}"
    if version[:2] < OLDEST:
        return Finding("python.version", FAIL, f"{told} is older than 3.9", f"{as_root()}apt-get install -y python3")
    return Finding("python.version", OK, told)


def check_ssh() -> Finding:
    """Look whether there is an ssh, which all that is behind the files is asked with."""
    program = shutil.which("ssh")
    if program is None:
        return Finding(
            "ssh.program", FAIL, "there is no ssh on this Desktop", f"{as_root()}apt-get install -y openssh-client"
        )
    return Finding("ssh.program", OK, shown(program))


def check_bundle(gate_argv: Sequence[str]) -> Iterator[Finding]:
    """Look at the one-file program that `gate_argv` starts, if it starts one: it starts faster with its .pyc files."""
    bundle = next((Path(word) for word in gate_argv if word.endswith(".pyz")), None)
    if bundle is None:
        return
    name = shown(str(bundle))
    if not bundle.exists():
        yield Finding("python.bundle", FAIL, f"{name} is gone, and with it the gate", f"ls -l {quoted(bundle)}")
    elif os.path.realpath(gate_argv[0]) != os.path.realpath(sys.executable):
        why = f"{name} is started by {shown(gate_argv[0])}, and this is another Python: not looked whether it is ready"
        yield Finding("python.bundle", SKIP, why)
    elif not is_ready(bundle):
        why = f"{name} was made ready for another Python: each start of the gate compiles it anew"
        yield Finding("python.bundle", WARN, why, make_ready(gate_argv[0], bundle))
    else:
        yield Finding("python.bundle", OK, f"{name} is ready for its Python")


def is_ready(bundle: Path) -> bool:
    """Whether `bundle` holds what this very Python makes of its sources.  Source: PEP 552, the magic number."""
    try:
        with zipfile.ZipFile(bundle) as archive:
            return archive.read(_MEMBER)[:4] == importlib.util.MAGIC_NUMBER
    except (OSError, KeyError, zipfile.BadZipFile):
        return False


def make_ready(python: str, bundle: Path) -> str:
    """Return the command that makes `bundle` ready for `python`."""
    body = "import sys, pathlib, backupjump.operations.installed as it; it.made_ready(pathlib.Path(sys.path[1]))"
    return f"PYTHONPATH={quoted(bundle)} {quoted(python)} -c '{body}'"
