"""Find the folder that is to be read, and hold it by a file descriptor, no link followed on the way."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable

from backupjump.gate.refusal import Refused

# O_PATH needs the right to pass through a folder only, as any path does; without it the right to list it is needed.
_EACH = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC | getattr(os, "O_PATH", os.O_RDONLY)

_NORMAL = re.compile(r"/(?:[^/]+/)*")


def normal_folder(word: str) -> str:
    """Return `word` if it is the full path of a folder, with a slash at its end and no part to be resolved."""
    if not _NORMAL.fullmatch(word) or not {".", ".."}.isdisjoint(word.split("/")):
        raise Refused("not-understood", "not the full path of a folder with a slash at its end")
    return word


def check_allowed(path: str, roots: Iterable[str]) -> None:
    """Refuse `path` (normal, with a slash at its end) unless it is one of `roots` or lies below one.

    Folder by folder: /home2 starts with /home and does not lie in it.
    """
    if not any(path.startswith(root.rstrip("/") + "/") for root in roots):
        raise Refused("outside", "no folder that the gate of this Desktop allows")


def open_folder(path: str) -> int:
    """Return a descriptor of the folder at the absolute, normal `path`; the caller closes it.

    Refused if it is not there, if a part of the way is a symbolic link (whoever may swap it would choose what is
    read) or no folder, or if this account may not pass.
    """
    fd = os.open("/", _EACH)
    for name in path.strip("/").split("/") if path.strip("/") else ():
        above = fd
        try:
            fd = os.open(name, _EACH, dir_fd=above)
        except OSError as error:
            raise _refusal(name, above, error) from None
        finally:
            os.close(above)
    return fd


def state_of(path: str) -> str:
    """Say how `path` stands: `folder`, or the word of the refusal that a pull of it would get."""
    try:
        os.close(open_folder(path))
    except Refused as refused:
        return refused.word
    return "folder"


def _refusal(name: str, above: int, error: OSError) -> Refused:
    try:
        mode = os.lstat(name, dir_fd=above).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return Refused("absent", "there is no such folder on this Desktop")
    except OSError:
        return Refused("closed", "the account of the gate may not enter the folder")
    if stat.S_ISLNK(mode):
        return Refused("link", "a part of the path is a symbolic link; name the folder that it leads to")
    if not stat.S_ISDIR(mode):
        return Refused("not-a-folder", "the path leads to no folder")
    return Refused("closed", f"the folder can't be entered: {error.strerror}")
