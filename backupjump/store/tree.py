"""Walk and delete trees that a Desktop filled, whatever it put there: no link is followed, no depth is too deep."""

from __future__ import annotations

import contextlib
import os
import resource
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from backupjump.store import subvolume

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
"""How a folder is opened, and never a link to one."""
# PATH_MAX is 4096, so rsync makes at most 2048 folders in one another, and a walk holds each of them open.
_OPEN_FOLDERS = 4096


@dataclass(frozen=True, slots=True)
class Found:
    """One name that a walk came to. `path` starts at the tree, `status` is the name's own (lstat).

    `folder_fd` is the open folder that holds the name, good until the walk goes on.
    """

    path: bytes
    name: str
    folder_fd: int
    status: os.stat_result

    @property
    def is_folder(self) -> bool:
        """Whether it is a real folder."""
        return stat.S_ISDIR(self.status.st_mode)

    @property
    def is_regular(self) -> bool:
        """Whether it is a regular file on the disk."""
        return stat.S_ISREG(self.status.st_mode)

    @property
    def inode(self) -> tuple[int, int]:
        """What its names have in common when it has several: device and inode number."""
        return self.status.st_dev, self.status.st_ino

    @property
    def proc_path(self) -> str:
        """A path for calls that take no folder descriptor (xattrs), short however deep the name lies."""
        return f"/proc/self/fd/{self.folder_fd}/{self.name}"


@dataclass(slots=True)
class _Level:
    path: bytes
    fd: int
    names: Iterator[str]


def walk(
    tree: Path,
    start: bytes = b"",
    *,
    folders_only: bool = False,
    on_error: Callable[[bytes, OSError], object] | None = None,
) -> Iterator[Found]:
    """Yield the folder `start` below `tree` and all in it, depth-first, the names of each folder in byte order.

    With `folders_only` nothing else is even looked at, which is several times faster. A folder that the
    caller deletes when it is given is passed over; so is one that we may not open. With `on_error` a name
    that the disk can't give is told of there, with its path, and passed over; else the OSError ends the walk.
    """
    allow_open_folders()
    try:
        levels = [_top(tree, start)]
    except OSError as error:
        if on_error is None:
            raise
        on_error(start, error)
        return
    try:
        while levels:
            level = levels[-1]
            name = next(level.names, None)
            if name is None:
                os.close(levels.pop().fd)
                continue
            # The tree itself (the source /) has a name on the disk, but none in a manifest.
            path = start if len(levels) == 1 else _joined(level.path, name)
            try:
                status = os.stat(name, dir_fd=level.fd, follow_symlinks=False)
                yield (found := Found(path=path, name=name, folder_fd=level.fd, status=status))
                if found.is_folder:
                    with contextlib.suppress(FileNotFoundError, PermissionError):
                        levels.append(_enter(found, folders_only=folders_only))
            except OSError as error:
                if on_error is None:
                    raise
                on_error(path, error)
    finally:
        for level in levels:
            os.close(level.fd)


def open_folder(tree: Path, parts: Iterable[str | bytes]) -> int:
    """Open the folder at `parts` below `tree`; no link on the way is followed: they lead anywhere. Raises OSError."""
    fd = os.open(tree, FOLDER)
    try:
        for part in parts:
            above, fd = fd, os.open(part, FOLDER, dir_fd=fd)
            os.close(above)
    except OSError:
        os.close(fd)
        raise
    return fd


class OpenWay:
    """The folders on the way to one below `tree`, all open: the next one, if it lies near, takes a call or two."""

    def __init__(self, tree: Path) -> None:
        self._tree = tree
        self._parts: list[bytes] = []
        self._fds: list[int] = []

    def to(self, path: bytes) -> int:
        """Return the open folder at `path`, good until another one is asked for; no link is followed. Raises OSError.

        The caller moves none of the folders on the way.
        """
        if not self._fds:
            allow_open_folders()
            self._fds.append(os.open(self._tree, FOLDER))
        parts = path.split(b"/") if path else []
        common = 0
        while common < min(len(parts), len(self._parts)) and parts[common] == self._parts[common]:
            common += 1
        self._leave(common)
        for part in parts[common:]:
            self._fds.append(os.open(part, FOLDER, dir_fd=self._fds[-1]))
            self._parts.append(part)
        return self._fds[-1]

    def _leave(self, depth: int) -> None:
        while len(self._parts) > depth:
            self._parts.pop()
            os.close(self._fds.pop())

    def __enter__(self) -> OpenWay:
        return self

    def __exit__(self, *_exc_info: object) -> None:
        self._parts.clear()
        while self._fds:
            os.close(self._fds.pop())


def link_on_the_way(tree: Path, folders: Iterable[bytes]) -> bytes | None:
    """Return the first of `folders` below `tree` on whose way a link stands, by which one gets elsewhere; None if none.

    What is not there leads nowhere.
    """
    with OpenWay(tree) as way:
        for folder in folders:
            try:
                way.to(folder)
            except FileNotFoundError:
                continue
            except OSError:
                parts = folder.split(b"/")
                if any((tree / os.fsdecode(b"/".join(parts[: at + 1]))).is_symlink() for at in range(len(parts))):
                    return folder
    return None


def remove_tree(name: str, *, folder_fd: int, stop: Callable[[], bool] = lambda: False) -> None:
    """Delete the folder `name` and all in it, unless told to `stop` on the way: then the rest is left as it is.

    Folders are made writable for that, files never: the inode of a file may be another snapshot's too. A
    subvolume below it goes at once where this user may delete one, else like a folder.
    """
    allow_open_folders()
    levels = [_opened_to_empty(name, folder_fd)]
    pending = [name]
    try:
        while levels and not stop():
            entry = next(levels[-1].names, None)
            if entry is None:
                os.close(levels.pop().fd)
                os.rmdir(pending.pop(), dir_fd=levels[-1].fd if levels else folder_fd)
                continue
            fd = levels[-1].fd
            status = os.stat(entry, dir_fd=fd, follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode):
                if subvolume.looks_like_one(status, above_device=os.fstat(fd).st_dev) and subvolume.delete(
                    entry, folder_fd=fd
                ):
                    continue
                levels.append(_opened_to_empty(entry, fd))
                pending.append(entry)
            else:
                os.unlink(entry, dir_fd=fd)
    finally:
        for level in levels:
            os.close(level.fd)


def sync_folder(folder: Path) -> None:
    """Bring the names in `folder` to the disk."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _top(tree: Path, start: bytes) -> _Level:
    """Return the folder that holds `start`, or `tree` itself, with that one name in it."""
    if not start:
        return _Level(b"", open_folder(tree.parent, ()), iter([tree.name]))
    *folders, name = start.split(b"/")
    return _Level(b"", open_folder(tree, folders), iter([os.fsdecode(name)]))


def _enter(found: Found, *, folders_only: bool) -> _Level:
    fd = os.open(found.name, FOLDER, dir_fd=found.folder_fd)
    try:
        names = sorted(names_in(fd, folders_only=folders_only), key=os.fsencode)
    except OSError:
        os.close(fd)
        raise
    return _Level(found.path, fd, iter(names))


def names_in(fd: int, *, folders_only: bool = False) -> list[str]:
    """Return the names in an open folder, in no order."""
    with os.scandir(fd) as entries:
        return [entry.name for entry in entries if not folders_only or entry.is_dir(follow_symlinks=False)]


def _opened_to_empty(name: str, folder_fd: int) -> _Level:
    mode = os.stat(name, dir_fd=folder_fd, follow_symlinks=False).st_mode
    if mode & stat.S_IRWXU != stat.S_IRWXU:
        os.chmod(name, stat.S_IRWXU, dir_fd=folder_fd)
    fd = os.open(name, FOLDER, dir_fd=folder_fd)
    return _Level(b"", fd, iter(names_in(fd)))


def _joined(folder: bytes, name: str) -> bytes:
    return folder + b"/" + os.fsencode(name) if folder else os.fsencode(name)


def allow_open_folders() -> None:
    """Let this process hold as many folders open as the deepest tree has, or a job has snapshots."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FOLDERS if hard == resource.RLIM_INFINITY else min(_OPEN_FOLDERS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
