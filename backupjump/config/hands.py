"""Who may write to the config: it names keys and programs that are run, so that is as good as being us. Python 3.9."""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from backupjump.config.problem import Problem
from backupjump.escape import shown


def foreign_hands(files: Iterable[Path]) -> Iterator[Problem]:
    """Yield a problem for each of `files`, and each folder of one, that an account other than ours and root may write.

    Into a sticky folder such as /tmp others may put files, but not in the place of ours.
    """
    for path in dict.fromkeys(each for file in files for each in (file, file.absolute().parent)):
        try:
            found = path.stat()
        except OSError:
            continue  # that it can't be read is told elsewhere
        name = shlex.quote(shown(str(path)))
        if found.st_uid not in (0, os.geteuid()):
            yield Problem(path, f"belongs to another account; type: chown {os.geteuid()} {name}")
        elif found.st_mode & 0o022 and not (stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX):
            mode = stat.S_IMODE(found.st_mode)
            yield Problem(path, f"can be written by others (mode {mode:04o}); type: chmod go-w {name}")
