"""Where the Desktop's program lies: one file that any Python runs (backupjump-desktop.pyz), or an installation.

A distribution upgrade or a broken venv must not silence a laptop, so the file is run by the system's own
Python and needs nothing beside it. The Desktop runs this file: Python 3.9, the standard library alone.
"""

from __future__ import annotations

import contextlib
import importlib.util
import marshal
import os
import shlex
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from backupjump.errors import BackupjumpError
from backupjump.escape import shown
from backupjump.whole_files import replacing

BUNDLE_NAME = "backupjump-desktop.pyz"
SYSTEM_PYTHON = "/usr/bin/python3"
SHEBANG = f"#!{SYSTEM_PYTHON} -I\n".encode()

_LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the first day that a zip can tell of: equal content gives equal bytes
_UNCHECKED = (0b01).to_bytes(4, "little")  # PEP 552: named by a hash of the source that nobody compares


def running_bundle() -> Path | None:
    """Return the file that this very program runs from, not a link to it; None for an installation."""
    top = Path(__file__).parents[2]
    return Path(os.path.realpath(top)) if top.is_file() else None


def gate_argv(config: Path) -> tuple[str, ...]:
    """Return the argv of the forced command that is the gate here, with `config` as its policy; all paths absolute."""
    words = ("--config", str(config.absolute()))
    bundle = running_bundle()
    if bundle is not None:
        return (system_python(), "-I", str(bundle.absolute()), "gate", *words)
    script = Path(sys.executable).with_name("backupjump-gate")
    if os.access(script, os.X_OK):
        return (str(script), *words)
    return (sys.executable, "-I", "-m", "backupjump.gate", *words)


def system_python() -> str:
    """Return the Python that will still be there next year: the distribution's, else the one that runs this."""
    return SYSTEM_PYTHON if os.access(SYSTEM_PYTHON, os.X_OK) else sys.executable


def program() -> str:
    """Return what a person types to start this program: a name on the PATH, else the whole line."""
    bundle = running_bundle()
    if bundle is None or _is_link_to(command_link(), bundle):
        return "backupjump"
    return f"{system_python()} {shlex.quote(str(bundle))}"


def lasting_place() -> Path:
    """Return where the one file belongs on this machine, for the account that runs this."""
    if os.geteuid() == 0:
        return Path("/usr/local/lib/backupjump") / BUNDLE_NAME
    return Path(os.path.expanduser("~/.local/share/backupjump")) / BUNDLE_NAME  # noqa: PTH111


def command_link() -> Path:
    """Return the link by which the settled file is called `backupjump`."""
    if os.geteuid() == 0:
        return Path("/usr/local/bin/backupjump")
    return Path(os.path.expanduser("~/.local/bin/backupjump"))  # noqa: PTH111


def settle(pyz: Path, *, place: Path | None = None, link: Path | None = None) -> Path:
    """Copy `pyz` to its lasting place, made ready for this Python, and return where it is.

    It is also linked as `backupjump` where nobody has that name yet. Raises BackupjumpError.
    """
    place = place or lasting_place()
    try:
        place.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        _write_zip(place, _sources(pyz), compiled_for=place)
        _link(link or command_link(), place)
    except OSError as error:
        raise BackupjumpError(f"{shown(str(error.filename or place))} can't be written: {error.strerror}") from error
    return place


def is_settled_as(pyz: Path, place: Path) -> bool:
    """Whether `place` has the very program that `pyz` is, ready to run, so that there is nothing to settle."""
    try:
        return is_ready(place) and _sources(place) == _sources(pyz)
    except (OSError, zipfile.BadZipFile):
        return False


def made_ready(pyz: Path) -> Path:
    """Write `pyz` again with what this Python makes of each source beside it, and return it.

    A start then compiles nothing; another Python passes over what it can't use, and takes the sources.
    """
    _write_zip(pyz, _sources(pyz), compiled_for=pyz)
    return pyz


def keep_ready() -> None:
    """Make the settled file ready again when it is run by another Python than it was made ready for, and start anew.

    After an upgrade of the distribution each start of the gate would compile everything anew; it would do its
    work all the same, so a failure here is passed over.
    """
    bundle = running_bundle()
    if bundle is not None and bundle == Path(os.path.realpath(lasting_place())):
        with contextlib.suppress(OSError, zipfile.BadZipFile):
            if not is_ready(bundle) and is_ready(made_ready(bundle)):
                # zipimport has kept where each module began in the file before, and would find none of them there.
                isolated = ["-I"] if sys.flags.isolated else []
                os.execv(sys.executable, [sys.executable, *isolated, *sys.argv])  # noqa: S606


def is_ready(pyz: Path) -> bool:
    """Whether this Python finds something compiled in `pyz` that it can use."""
    with zipfile.ZipFile(pyz) as archive:
        first = next((name for name in archive.namelist() if name.endswith(".pyc")), None)
        return first is not None and archive.read(first).startswith(importlib.util.MAGIC_NUMBER)


def write_zip(path: Path, sources: Mapping[str, bytes]) -> None:
    """Write `sources` (name → content) as a program that the system's Python runs: 0755, equal bytes each time."""
    _write_zip(path, sources, compiled_for=None)


def _sources(pyz: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(pyz) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith(".pyc")}


def _write_zip(path: Path, sources: Mapping[str, bytes], *, compiled_for: Path | None) -> None:
    """Replace `path` atomically. Nothing is deflated: a start would have to inflate it, and zlibs differ."""
    with replacing(path, mode=0o755) as file:
        file.write(SHEBANG)
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            for name, content in _members(sources, compiled_for):
                entry = zipfile.ZipInfo(name, _LONG_AGO)
                entry.external_attr = 0o100644 << 16
                archive.writestr(entry, content)


def _members(sources: Mapping[str, bytes], compiled_for: Path | None) -> Iterator[tuple[str, bytes]]:
    for name in sorted(sources):
        yield name, sources[name]
        if compiled_for is not None and name.endswith(".py"):
            yield name + "c", _compiled(sources[name], compiled_for / name)


def _compiled(source: bytes, shown_as: Path) -> bytes:
    """Return the content of a .pyc that zipimport takes without a look at the source.  Source: PEP 552, zipimport."""
    code = compile(source, str(shown_as), "exec", dont_inherit=True)
    return importlib.util.MAGIC_NUMBER + _UNCHECKED + importlib.util.source_hash(source) + marshal.dumps(code)


def _link(link: Path, place: Path) -> None:
    if os.path.lexists(link):
        return
    link.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    link.symlink_to(place)


def _is_link_to(link: Path, place: Path) -> bool:
    try:
        return link.is_symlink() and link.samefile(place)
    except OSError:
        return False
