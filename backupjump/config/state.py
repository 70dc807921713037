"""Where this machine remembers what can be lost: the history, and the ssh_config of each route.

The Desktop runs this file: Python 3.9, the standard library alone.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from backupjump.errors import ConfigError
from backupjump.escape import shown


def state_dir(configured: Path | None) -> Path:
    """Return the state folder, made with mode 0700 when it is not there.

    The `configured` one, else /var/lib/backupjump for root, else the XDG state folder. ConfigError when it
    can't be made, or when another account may write in it: ssh runs what the files there say.
    """
    folder = configured or _default()
    name = shown(str(folder))
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
    except OSError as error:
        raise ConfigError(f"the state folder {name} can't be made: {error.strerror}", hint="set state_dir") from error
    if found.st_uid not in (0, os.geteuid()) or found.st_mode & 0o022:
        hint = f"chown {os.geteuid()} {shlex.quote(name)} && chmod 700 {shlex.quote(name)}"
        raise ConfigError(f"other accounts may write in the state folder {name}", hint=hint)
    return folder


def _default() -> Path:
    if os.geteuid() == 0:
        return Path("/var/lib/backupjump")
    # XDG Base Directory Specification: a relative value counts as not set.
    named = os.environ.get("XDG_STATE_HOME", "")
    base = named if named.startswith("/") else os.path.expanduser("~/.local/state")  # noqa: PTH111
    return Path(base) / "backupjump"
