"""Where this machine remembers what can be lost: the history, and the ssh_config of each route.

The Desktop runs this file: Python 3.9, the standard library alone.
"""

from __future__ import annotations

import os
import shlex
import stat
from pathlib import Path

from backupjump.errors import ConfigError
from backupjump.escape import shown


def state_dir(configured: Path | None) -> Path:
    """Return the state folder, made with mode 0700 when it is not there.

    The `configured` one, else /var/lib/backupjump for root, else the XDG state folder. ConfigError when it
    can't be made, or when another account may write in it: ssh runs what the files there say. One that two accounts
    share (a Desktop's gate and its agent) is root's, with the sticky bit: each writes there, and neither touches what
    is the other's.
    """
    folder = configured or _default()
    name = shown(str(folder))
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
    except OSError as error:
        raise ConfigError(f"the state folder {name} can't be made: {error.strerror}", hint="set state_dir") from error
    is_shared = found.st_uid == 0 and found.st_mode & (stat.S_ISVTX | stat.S_IWOTH) == stat.S_ISVTX
    if found.st_uid not in (0, os.geteuid()) or (found.st_mode & 0o022 and not is_shared):
        hint = f"chown {os.geteuid()} {shlex.quote(name)} && chmod 700 {shlex.quote(name)}"
        raise ConfigError(f"other accounts may write in the state folder {name}", hint=hint)
    return folder


def not_writable(folder: Path, error: OSError) -> ConfigError:
    """Return the error for a state folder in which nothing can be written."""
    name = shlex.quote(shown(str(folder)))
    return ConfigError(f"the state folder {name} can't be written to: {error.strerror}", hint=f"see: ls -ld {name}")


def _default() -> Path:
    if os.geteuid() == 0:
        return Path("/var/lib/backupjump")
    # XDG Base Directory Specification: a relative value counts as not set.
    named = os.environ.get("XDG_STATE_HOME", "")
    base = named if named.startswith("/") else os.path.expanduser("~/.local/state")  # noqa: PTH111
    return Path(base) / "backupjump"
