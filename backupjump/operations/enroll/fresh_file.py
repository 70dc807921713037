"""Files and key pairs that enrolment makes: there whole or not at all, never in the place of another. Python 3.9."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from backupjump import process
from backupjump.config.key_file import key_file_problem
from backupjump.errors import BackupjumpError, ConfigError
from backupjump.escape import shown, shown_lines
from backupjump.operations.enroll.strict_json import read_ed25519


def let_nobody_else_write() -> None:
    """Have every folder and file that this process makes from now on be nobody else's to write, whatever the umask.

    Whoever may write ~/.local/share could put another program in the gate's place.
    """
    os.umask(os.umask(0o077) | 0o022)


def write_new_file(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Write `text` to `path`, which must not be there yet; its folders are made (0700). ConfigError if it can't be."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                os.fchmod(file.fileno(), mode)
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.link(temporary, path)
        finally:
            with suppress(OSError):
                Path(temporary).unlink()
    except OSError as error:
        raise ConfigError(f"{shown(str(path))} can't be written: {error.strerror}") from error


def make_key(path: Path, *, comment: str) -> str:
    """Return the public half of the ed25519 key at `path`, which is made, in a folder of 0700, if it is not there.

    ConfigError for a key there that can't be used.
    """
    if not path.exists():
        _generate(path, comment)
    if (problem := key_file_problem(path)) is not None:
        raise ConfigError(f"the key {problem}")
    return public_half(path)


def public_half(path: Path) -> str:
    """Return type and key of the public half of the ed25519 key pair at `path`; ConfigError where there is none."""
    # Read from the private half: a `.pub` file beside it may be another key's.
    done = process.run(["ssh-keygen", "-y", "-P", "", "-f", str(path)], timeout=30)
    try:
        return read_ed25519(" ".join(done.stdout.decode("ascii", "replace").split()[:2]))
    except ValueError as error:
        why = shown_lines(done.stderr, lines=2) or str(error)
        raise ConfigError(f"{shown(str(path))} is no ed25519 key that can be used here: {why}") from error


def _generate(path: Path, comment: str) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.parent.stat().st_mode & 0o077:
            path.parent.chmod(0o700)
    except OSError as error:
        raise ConfigError(f"the folder {shown(str(path.parent))} can't be made: {error.strerror}") from error
    done = process.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)], timeout=30)
    if done.status != 0:
        raise BackupjumpError(f"the key {shown(str(path))} can't be made: {shown_lines(done.stderr, lines=3)}")
