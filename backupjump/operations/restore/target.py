"""The folder that a restore writes below: looked at by path, changed only through folders that are no symlinks."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from backupjump.errors import RestoreRefused
from backupjump.escape import shown
from backupjump.operations.restore.decisions import Extra, refused_link
from backupjump.operations.snapshot_paths import parent
from backupjump.store.tree import remove_tree, walk

if TYPE_CHECKING:
    from collections.abc import Iterator

_PLAIN_FOLDER = 0o755
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class TargetFolder:
    """What is below `root`, a path without symlinks; the folder need not be there as long as nothing is changed."""

    def __init__(self, root: Path) -> None:
        self._root = os.fsencode(root)
        self._folders: set[bytes] = set()

    def look(self, path: bytes) -> os.stat_result | None:
        """Return what stands at `path` itself, None if nothing; a symlink on the way there raises RestoreRefused."""
        if path and not self._is_folder(parent(path)):
            return None
        try:
            return os.lstat(self._join(path))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _refused(path, error) from error

    def names(self, path: bytes) -> list[bytes]:
        """Return the names in the folder `path`, in byte order."""
        try:
            return sorted(os.listdir(self._join(path)))  # noqa: PTH208 (names are bytes)
        except OSError as error:
            raise _refused(path, error) from error

    def measure(self, path: bytes) -> Extra:
        """Return how many files and bytes lie at and below `path`; a mount among them raises RestoreRefused."""
        device = os.lstat(self._join(parent(path))).st_dev
        files = size_bytes = 0
        for found in walk(Path(os.fsdecode(self._root)), path):
            if found.status.st_dev != device:
                raise RestoreRefused(
                    f"{shown(found.path)} below the target is on another file system, so it is not deleted",
                    hint="unmount it first, or restore with --mode keep-old",
                )
            if not found.is_folder:
                files, size_bytes = files + 1, size_bytes + found.status.st_size
        return Extra(path=path, files=files, size_bytes=size_bytes)

    def make_folder(self, path: bytes) -> None:
        """Make the folder `path` and those above it where they are missing, each 0755; no existing one changes."""
        made = b""
        for name in path.split(b"/") if path else ():
            with self._opened(made) as folder, suppress(FileExistsError):
                os.mkdir(name, dir_fd=folder)
                os.chmod(name, _PLAIN_FOLDER, dir_fd=folder)  # mkdir's mode is cut by the umask
            made = made + b"/" + name if made else name

    def rename(self, path: bytes, name: bytes) -> None:
        """Give what stands at `path` another `name` in the same folder; nothing is followed or replaced."""
        with self._opened(parent(path)) as folder:
            if _stands(name, folder):
                raise RestoreRefused(f"{shown(name)} came up beside {shown(path)} meanwhile", hint="start again")
            os.rename(path.rpartition(b"/")[2], name, src_dir_fd=folder, dst_dir_fd=folder)

    def remove(self, path: bytes) -> None:
        """Delete what stands at `path` with all below it; symlinks themselves go, what they name stays."""
        name = os.fsdecode(path.rpartition(b"/")[2])
        with self._opened(parent(path)) as folder:
            if stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
                remove_tree(name, folder_fd=folder)
            else:
                os.unlink(name, dir_fd=folder)

    def set_mtime(self, path: bytes, mtime_ns: int) -> None:
        """Give the folder `path` this modification time."""
        with self._opened(path) as folder:
            os.utime(folder, ns=(mtime_ns, mtime_ns))

    def _join(self, path: bytes) -> bytes:
        return self._root + b"/" + path if path else self._root

    def _is_folder(self, path: bytes) -> bool:
        """Whether `path` is a folder that is reached through folders alone; a symlink raises RestoreRefused."""
        if path in self._folders:
            return True
        if path and not self._is_folder(parent(path)):
            return False
        try:
            found = os.lstat(self._join(path))
        except FileNotFoundError:
            return False
        except OSError as error:
            raise _refused(path, error) from error
        if stat.S_ISLNK(found.st_mode):
            raise refused_link(path)
        if stat.S_ISDIR(found.st_mode):
            self._folders.add(path)
        return stat.S_ISDIR(found.st_mode)

    @contextmanager
    def _opened(self, path: bytes) -> Iterator[int]:
        """Open a folder below the target component by component, so that no symlink can come in between."""
        opened = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for name in path.split(b"/") if path else ():
                inner = os.open(name, _FOLDER, dir_fd=opened)
                os.close(opened)
                opened = inner
            yield opened
        except OSError as error:
            raise _refused(path, error) from error
        finally:
            os.close(opened)


def _stands(name: bytes, folder: int) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _refused(path: bytes, error: OSError) -> RestoreRefused:
    where = f"{shown(path)} below the target" if path else "the target folder"
    hint = "name a folder that this user may write to" if isinstance(error, PermissionError) else ""
    return RestoreRefused(f"{where}: {error.strerror}", hint=hint)
