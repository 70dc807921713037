"""A tree of hard links to what several trees have: under each path what the first of them has there.

For what broken-off attempts of a hard-link store got, each of which has only as much of the files as its
run came to link and to fetch. Folders are made anew: they are the new tree's alone.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from backupjump.config.models import PARTIAL_FOLDER
from backupjump.store.tree import Found, open_folder, walk

_PARTIAL = os.fsencode(PARTIAL_FOLDER)
# An attribute that the kernel keeps for itself, or that a filesystem does not know.
_NOT_OURS = frozenset({errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.EINVAL})


def gather(target: Path, trees: Sequence[Path], source: str) -> int:
    """Link what `trees` have of `source` into the folder `target`, and return how many names that made.

    Half-written files and their folders are left out. A folder gets mode, owner, times and attributes of the
    first tree that has it. Raises OSError, EMLINK where a file has as many names as its filesystem allows.
    """
    start = os.fsencode(source.lstrip("/"))
    place = target
    for part in Path(source).parts[1:]:
        place = place / part
        place.mkdir(exist_ok=True)
        place.chmod(0o755)
    folders, names = {start: trees[0]}, 0
    for tree in trees:
        with _Target(target) as new:
            for found in walk(tree, start, on_error=_pass_over_missing):
                if found.path != start and _PARTIAL not in found.path.split(b"/") and new.take(found):
                    names += 1
                    if found.is_folder:
                        folders[found.path] = tree
    # Innermost first: what is done in a folder changes its times.
    for path in reversed(folders):
        with suppress(PermissionError):
            _copy_folder(folders[path], target, path)
    return names


class _Target:
    """The new tree, with the folder open that a walk is in; `with` closes it."""

    def __init__(self, tree: Path) -> None:
        self._tree = tree
        self._path: bytes | None = None
        self._fd = -1

    def take(self, found: Found) -> bool:
        """Make the folder `found`, or a link to what it is; False where the new tree has something there already."""
        parent = found.path.rpartition(b"/")[0]
        if parent != self._path:
            self._enter(parent)
        if self._fd < 0:
            return False
        try:
            if found.is_folder:
                os.mkdir(found.name, 0o700, dir_fd=self._fd)
            else:
                os.link(found.name, found.name, src_dir_fd=found.folder_fd, dst_dir_fd=self._fd, follow_symlinks=False)
        except FileExistsError:
            return False
        return True

    def _enter(self, path: bytes) -> None:
        self._close()
        self._path = path
        # A tree before this one may have had a file, or a link, where this one has a folder.
        with suppress(NotADirectoryError):
            self._fd = open_folder(self._tree, _parts(path))

    def _close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1

    def __enter__(self) -> _Target:
        return self

    def __exit__(self, *_exc_info: object) -> None:
        self._close()


def _pass_over_missing(_path: bytes, error: OSError) -> None:
    """Pass over a source that an attempt did not have yet."""
    if not isinstance(error, (FileNotFoundError, NotADirectoryError)):
        raise error


def _copy_folder(tree: Path, target: Path, path: bytes) -> None:
    old, new = open_folder(tree, _parts(path)), -1
    try:
        new = open_folder(target, _parts(path))
        status = os.fstat(old)
        if (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid()):
            os.fchown(new, status.st_uid, status.st_gid)
        for name in os.listxattr(old):
            _keep_xattr(new, name, os.getxattr(old, name))
        os.fchmod(new, stat.S_IMODE(status.st_mode))
        os.utime(new, ns=(status.st_atime_ns, status.st_mtime_ns))
    finally:
        os.close(old)
        if new >= 0:
            os.close(new)


def _keep_xattr(fd: int, name: str, value: bytes) -> None:
    try:
        os.setxattr(fd, name, value)
    except OSError as error:
        if error.errno not in _NOT_OURS:
            raise


def _parts(path: bytes) -> Iterable[bytes]:
    return path.split(b"/") if path else ()
