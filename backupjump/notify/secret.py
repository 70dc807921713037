"""Read a secret from a file of its own."""

from __future__ import annotations

import os
import shlex
import stat
from typing import TYPE_CHECKING

from backupjump.errors import ConfigError
from backupjump.escape import shown

if TYPE_CHECKING:
    from pathlib import Path

_MOST_BYTES = 4096


def read_secret(path: Path) -> str:
    """Return the one line that `path` holds. ConfigError when it is not there, not private, or not one line."""
    name = shown(str(path))
    quoted = shlex.quote(name)
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            raw = file.read(_MOST_BYTES + 1)
    except OSError as error:
        make = f"umask 077; cat > {quoted}"
        raise ConfigError(f"{name} can't be read: {error.strerror}; put the secret there: {make}") from error
    if not stat.S_ISREG(mode):
        raise ConfigError(f"{name} is not a file")
    if mode & 0o077:
        raise ConfigError(f"{name} can be read by others (mode {mode & 0o777:04o}); type: chmod 600 {quoted}")
    lines = raw.decode("utf-8", "replace").splitlines()
    if len(raw) > _MOST_BYTES or len(lines) != 1 or not lines[0].strip():
        raise ConfigError(f"{name} must hold one line, and nothing else")
    return lines[0].strip()
