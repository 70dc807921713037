"""Where the page goes: a file, whole or not at all."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from backupjump.errors import UsageError
from backupjump.whole_files import replacing

if TYPE_CHECKING:
    from pathlib import Path

_PRIVATE = 0o600


def write_page(path: Path, text: str) -> None:
    """Write a page in place of what is at `path`, whole or not at all; a failure leaves what was there.

    Only its owner may read it, since it names files; one of ours that stands there already keeps its mode, so
    that a page that was opened to others stays open to them. What is no regular file (a link, /dev/null) is
    never replaced: UsageError, as where the folder can't be written to.
    """
    try:
        with replacing(path, mode=_mode_for(path)) as file:
            file.write(text.encode("utf-8"))
    except OSError as error:
        raise UsageError(f"the page can't be written to {path}: {error.strerror}") from error


def _mode_for(path: Path) -> int:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return _PRIVATE
    if not stat.S_ISREG(found.st_mode):
        raise UsageError(f"{path} is a link, a folder or a device; nothing was written", hint="-o - prints the page")
    return stat.S_IMODE(found.st_mode) & 0o666 if found.st_uid == os.geteuid() else _PRIVATE
