"""Whether sshd's StrictModes lets an authorized_keys count. Python 3.9.

Source: OpenSSH misc.c, safe_path: file and folders up to the home, each owned by root or the account, none of them
writable for group or others; a file outside the home is followed up to /.
"""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path

from backupjump.escape import shown


@dataclass(frozen=True)
class Loose:
    """A part of the way that sshd does not accept: `why`, and the command that mends it."""

    why: str
    fix: str


def loose_parts(file: Path, *, home: Path, uid: int) -> tuple[Loose, ...]:
    """Return what StrictModes holds against `file`, from itself upwards; nothing if it counts or is not there."""
    file, home = Path(os.path.realpath(file)), Path(os.path.realpath(home))
    parts = []
    for each in (file, *file.parents):
        try:
            found = each.stat()
        except OSError:
            return ()
        if (loose := judge(each, owner=found.st_uid, mode=found.st_mode, uid=uid)) is not None:
            parts.append(loose)
        if each == home:
            break
    return tuple(parts)


def judge(path: Path, *, owner: int, mode: int, uid: int) -> Loose | None:
    """Return what is wrong with one part of the way, None if nothing is."""
    name = shown(str(path))
    sudo = "" if os.geteuid() in (0, owner) else "sudo "
    if owner not in (0, uid):
        return Loose(f"{name} belongs to another account ({owner})", f"sudo chown {uid} {shlex.quote(name)}")
    if mode & 0o022:
        fix = f"{sudo}chmod go-w {shlex.quote(name)}"
        return Loose(f"others may write {name} (mode {mode & 0o7777:04o})", fix)
    return None
