"""Whether a private key file can be used, and is nobody else's to read. Python 3.9."""

from __future__ import annotations

import os
import shlex
import stat
from pathlib import Path

from backupjump.escape import shown


def key_file_problem(path: Path) -> str | None:
    """Return what is wrong with the private key at `path` and what to type, None when it is fine.

    A key that others may read is as good as theirs; ssh refuses such a key too, but only when the file is
    the caller's own, and in the middle of a run.  Source: OpenSSH authfile.c, sshkey_perm_ok.
    """
    name = shown(str(path))
    try:
        mode = path.stat().st_mode
    except OSError as error:
        if isinstance(error, FileNotFoundError):
            folder = "" if path.parent.is_dir() else f"mkdir -p -m 700 {shlex.quote(shown(str(path.parent)))} && "
            return f"{name} is missing; make it: {folder}ssh-keygen -t ed25519 -N '' -f {shlex.quote(name)}"
        return f"{name} can't be looked at: {error.strerror}"
    if not stat.S_ISREG(mode):
        return f"{name} is not a file"
    if path.suffix == ".pub":
        return f"{name} is the public half; name the private key, the file without .pub"
    if mode & 0o077:
        return f"{name} can be read by others (mode {mode & 0o777:04o}); type: chmod 600 {shlex.quote(name)}"
    if not os.access(path, os.R_OK):
        return f"{name} can't be read by this account"
    return None
