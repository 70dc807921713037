"""The Desktop's program as its owner has it: one file, run by the system's own Python and no other."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from backupjump.operations.bundle import write_bundle
from backupjump.operations.installed import BUNDLE_NAME, SYSTEM_PYTHON
from program import Said

PYTHON = os.environ.get("BACKUPJUMP_DESKTOP_PYTHON", SYSTEM_PYTHON)
"""The Python of the lab's Desktop; another one can be named to try the whole lab with it."""

_INSIDE = "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1]); "


@cache
def desktop_bundle() -> Path:
    """Return the file, made ready for the system's Python once for all tests of this process."""
    folder = Path(tempfile.mkdtemp(prefix="backupjump-desktop-"))
    atexit.register(remove_bundle)
    folder.chmod(0o755)
    bundle = write_bundle(folder / BUNDLE_NAME).path
    _python("from backupjump.operations.installed import made_ready; made_ready(Path(sys.argv[1]))", bundle, {})
    return bundle


def remove_bundle() -> None:
    """Remove the file, if there is one; a worker of xdist ends without its atexit functions."""
    if desktop_bundle.cache_info().currsize:
        shutil.rmtree(desktop_bundle().parent, ignore_errors=True)
        desktop_bundle.cache_clear()


def run_inside(code: str, *, home: Path | None = None) -> str:
    """Run `code` with the modules of the one file and return what it prints."""
    return _python(code, desktop_bundle(), {} if home is None else {"HOME": str(home)})


def _python(code: str, bundle: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        [PYTHON, "-I", "-c", _INSIDE + code, str(bundle)],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout


def desktop_argv(*words: str, python: str = PYTHON, bundle: Path | None = None) -> list[str]:
    """Return the words that start the Desktop's program from its one file."""
    return [python, "-I", str(bundle or desktop_bundle()), *words]


def desktop(*words: str, python: str = PYTHON, bundle: Path | None = None, seconds: float = 60) -> Said:
    """Run the Desktop's program to its end, from its one file."""
    done = subprocess.run(
        desktop_argv(*words, python=python, bundle=bundle),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="surrogateescape",
        timeout=seconds,
        check=False,
    )
    return Said(done.returncode, done.stdout, done.stderr)
