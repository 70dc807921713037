#!/usr/bin/env python3
"""Let a program write a dump, and put it in place only when it is whole: dump_whole.py TARGET PROGRAM [WORD...].

What PROGRAM prints goes to a new file beside TARGET, which only this account can read; a WORD with {} in it gets the
name of that file, for a program that writes it itself. When PROGRAM ends with 0 the file is brought to the disk and
takes TARGET's name in one step. Else TARGET stays as it was, and PROGRAM's status is passed on. While another dump of
TARGET is under way (after a lost link that of the last run may be) it ends with 75: not now.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

NOT_NOW = 75


def main(words: Sequence[str]) -> int:
    """Make the dump that `words` ask for, and return the exit status."""
    if len(words) < 2:
        return tell("usage: dump_whole.py TARGET PROGRAM [WORD...]", 2)
    target, argv = Path(words[0]), words[1:]
    fresh = target.with_name(f".{target.name}.new")
    os.umask(0o077)
    try:
        # PROGRAM inherits the lock: it may outlive this script.
        with target.with_name(f".{target.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fresh.unlink(missing_ok=True)
            try:
                status = dump(argv, fresh, lock=lock.fileno())
                if status == 0:
                    put_in_place(fresh, target)
                return status
            finally:
                fresh.unlink(missing_ok=True)
    except BlockingIOError:
        return tell(f"another dump of {target} is under way", NOT_NOW)
    except OSError as error:
        return tell(f"no dump: {error}", 1)


def dump(argv: Sequence[str], fresh: Path, *, lock: int) -> int:
    """Run `argv`, let it fill `fresh`, and return how it ended; 1 for a program that wrote nothing."""
    words = [word.replace("{}", str(fresh)) for word in argv]
    if words != list(argv):
        status = subprocess.run(words, stdin=subprocess.DEVNULL, pass_fds=[lock], check=False).returncode
    else:
        with fresh.open("xb") as file:
            done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=file, pass_fds=[lock], check=False)
            status = done.returncode
    if status == 0 and not (fresh.exists() and fresh.stat().st_size):
        return tell(f"{argv[0]} ended with 0 and wrote nothing", 1)
    return status if status >= 0 else 128 - status


def put_in_place(fresh: Path, target: Path) -> None:
    """Give `fresh` the name of `target`, once it is on the disk: after a power cut the one or the other is whole."""
    with fresh.open("rb") as file:
        os.fsync(file.fileno())
    fresh.replace(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def tell(text: str, status: int) -> int:
    """Say why there is no dump."""
    sys.stderr.write(f"dump_whole: {text}\n")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
