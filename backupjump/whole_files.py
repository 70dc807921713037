"""Files that are there whole or not at all, whoever is killed or cut off. Python 3.9, the standard library alone."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

from backupjump.errors import ConfigError


@contextlib.contextmanager
def replacing(path: Path, *, mode: int = 0o600) -> Iterator[IO[bytes]]:
    """Give a file to write what is to stand at `path`, with this `mode` whatever the umask.

    After the block it is on the disk and takes the name at once; when the block raises, `path` is as it was.
    """
    # What tempfile.mkstemp does, without its import, which the gate would pay for at each word.
    fresh = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    descriptor = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            yield file
            file.flush()
            os.fsync(descriptor)
        fresh.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            fresh.unlink()
        raise


def write_private_files(folder: Path, files: Mapping[str, str]) -> None:
    """Make `files` (name → text) the content of `folder`: each replaced atomically, 0600 in a folder of 0700.

    A file that already holds its text is left alone, so a run never disturbs another. Raises ConfigError
    when the folder is a link, another user's, or can't be written.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _claim(folder)
        for name, text in files.items():
            if not _holds(folder / name, text):
                with replacing(folder / name) as file:
                    file.write(text.encode("utf-8"))
    except OSError as error:
        raise ConfigError(f"{folder} can't be written to: {error.strerror}") from error


def _claim(folder: Path) -> None:
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise ConfigError(f"{folder} is a link or belongs to another user; ssh would be told what to do from there")
    if stat.S_IMODE(found.st_mode) != 0o700:
        folder.chmod(0o700)


def _holds(path: Path, text: str) -> bool:
    try:
        found = path.lstat()
        return stat.S_IMODE(found.st_mode) == 0o600 and stat.S_ISREG(found.st_mode) and path.read_text("utf-8") == text
    except (FileNotFoundError, UnicodeDecodeError):
        return False
