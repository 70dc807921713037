"""The other private keys of this account: named, never tried, and read no further than their first line. Python 3.9."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from backupjump.escape import shown
from backupjump.operations.doctor.desktop_config import quoted
from backupjump.operations.doctor.finding import OK, WARN, Finding

_FIRST_LINE = re.compile(rb"-----BEGIN (?:[A-Z0-9]+ )?PRIVATE KEY-----")
_MOST_FILES = 500
_MOST_NAMED = 8


def check_other_keys(folder: Path, *, ours: Iterable[Path]) -> Finding:
    """Look at the keys in `folder` (~/.ssh) and one level below; `ours` are the tunnel's."""
    known = {os.path.realpath(path) for path in ours}
    keys = [path for path in private_keys(folder) if os.path.realpath(path) not in known]
    if not keys:
        return Finding("keys.others", OK, f"no other private key in {shown(str(folder))}")
    names = ", ".join(shown(str(path)) for path in keys[:_MOST_NAMED]) + (", …" if len(keys) > _MOST_NAMED else "")
    why = (
        f"{names}: whoever steals this Desktop has {'it' if len(keys) == 1 else 'them'} too; none may open the Server "
        "or the JumpNode, and each should have a passphrase"
    )
    return Finding("keys.others", WARN, why, f"ssh-keygen -p -f {quoted(keys[0])}")


def private_keys(folder: Path) -> Iterator[Path]:
    """Return the files in `folder` and one level below that begin as a private key does."""
    files = [*sorted(folder.glob("*")), *sorted(folder.glob("*/*"))]
    return (path for path in files[:_MOST_FILES] if path.is_file() and _begins_as_key(path))


def _begins_as_key(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return _FIRST_LINE.match(file.read(64)) is not None
    except OSError:
        return False
