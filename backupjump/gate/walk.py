"""Walk a folder for the Server: every name in it and below it becomes one line, in the text form of its manifests.

No link is followed and no path is walked: each folder is opened from the one that holds it, and looked into by its
descriptor. The loop is kept tight, since a Desktop has hundreds of thousands of names.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Iterator
from functools import lru_cache
from json import JSONEncoder
from typing import TYPE_CHECKING

from backupjump.gate.names import names_in_order

if TYPE_CHECKING:
    from types import TracebackType

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Granted to the owner and to root alone.  Source: open(2).
_UNNOTICED = getattr(os, "O_NOATIME", 0)
_UTF_8 = sys.getfilesystemencoding().lower() == "utf-8"
_TYPES = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "dir",
    stat.S_IFLNK: "symlink",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "char",
    stat.S_IFBLK: "block",
}
_UNREADABLE = ',"unreadable":1'
_UNSEEN = f',"type":"file","mode":"0000","uid":0,"gid":0,"size":0,"mtime_ns":0{_UNREADABLE},"source":[0,0,0]}}\n'
# rsync sends nothing whose path below the source is longer.  Source: rsync.h, MAXPATHLEN; flist.c, send_directory.
_LONGEST_PATH_BYTES = 4095
# Few enough for the lowest limit that a login starts with (256 on macOS), with room for what is open anyway.
_MOST_OPEN = 200

# No fault of the folder: what this process may hold.
_OURS = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)

_quoted = JSONEncoder().encode


class _Level:
    """A folder that the walk is in: how each line in it begins, the length of its path, the names that are left.

    `fd` is -1 while it is closed; `identity`, its device and inode, is known from then on.
    """

    __slots__ = ("fd", "head", "identity", "names", "path_bytes")

    def __init__(self, fd: int, head: str, path_bytes: int) -> None:
        try:
            self.names = names_in_order(fd)
        except OSError:
            os.close(fd)
            raise
        self.fd = fd
        self.head = head
        self.path_bytes = path_bytes
        self.identity = (0, 0)


class Walk:
    """A folder and all below it as lines: itself first, depth-first, the names of each folder in byte order.

    `fd` is a descriptor of the folder, which stays the caller's, and `path` its full path with a slash at its end.
    `omitted` is as grammar.Listing has it. With `one_file_system` no folder on another device is gone into. OSError
    if the folder itself can't be read. Of the folders on the way `most_open` are held open, the others are found
    again by `..`, and must still be the same.
    """

    def __init__(
        self,
        fd: int,
        path: str,
        *,
        omitted: tuple[str, ...] = (),
        one_file_system: bool = False,
        most_open: int = _MOST_OPEN,
    ) -> None:
        # Compared as they stand in the lines.
        self._omitted_names = frozenset(_quoted(word[:-1])[1:] for word in omitted if word[0] != "/")
        self._omitted_paths = frozenset('{"path":' + _quoted(word[1:-1]) for word in omitted if word[0] == "/")
        self._one_file_system = one_file_system
        self._most_open = most_open
        self._found = os.fstat(fd)
        self._path = '{"path":' + _quoted(path[1:-1])
        head = self._path[:-1] + "/" if path != "/" else self._path[:-1]
        self._levels = [_Level(_open(".", fd), head, 0)]
        self.device = self._found.st_dev
        """The device that the folder is on."""

    def lines(self) -> Iterator[str]:
        """Yield the lines, each with its newline; OSError if the walk can't go on."""
        yield _line(self._path, self._found, self.device)
        levels, device, quoted, owner, is_utf_8 = self._levels, self.device, _quoted, _owner, _UTF_8
        while levels:
            level = levels[-1]
            fd, head = level.fd, level.head
            for name in level.names:
                path = head + quoted(name if is_utf_8 else _in_utf_8(name))[1:]
                try:
                    found = os.stat(name, dir_fd=fd, follow_symlinks=False)
                except FileNotFoundError:
                    continue
                except OSError:
                    yield path + _UNSEEN
                    continue
                mode = found.st_mode
                kind = mode & 0o170000
                if kind == stat.S_IFREG and found.st_dev == device:
                    # Nine of ten names: as _line would have it, without the calls.
                    yield (
                        f"{path}{owner(mode, found.st_uid, found.st_gid)}{found.st_size}"
                        f',"mtime_ns":{found.st_mtime_ns},"source":[{found.st_ino},{found.st_ctime_ns},{found.st_nlink}]}}\n'
                    )
                elif kind == stat.S_IFREG:
                    yield _line(path, found, device, size=found.st_size)
                elif kind == stat.S_IFDIR:
                    yield from self._enter(name, path, found)
                    if levels[-1] is not level:
                        break
                elif kind in _TYPES:
                    yield from _special(name, path, found, device, fd)
            else:
                self._leave()

    def __enter__(self) -> Walk:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        while self._levels:
            if (fd := self._levels.pop().fd) >= 0:
                os.close(fd)

    def _enter(self, name: str, path: str, found: os.stat_result) -> tuple[str, ...]:
        """Go into the folder `name`, if that can be, and return its line; none if it is left out, or gone."""
        if path in self._omitted_paths or path[len(self._levels[-1].head) :] in self._omitted_names:
            return ()
        if self._one_file_system and found.st_dev != self.device:
            return (_line(path, found, self.device),)
        above = self._levels[-1]
        path_bytes = above.path_bytes + len(os.fsencode(name)) + 1
        if path_bytes > _LONGEST_PATH_BYTES:
            return (_line(path, found, self.device, more=_UNREADABLE),)
        try:
            level = _Level(_open(name, above.fd), path[:-1] + "/", path_bytes)
        except FileNotFoundError:
            return ()
        except OSError as error:
            if error.errno in _OURS:
                raise
            return (_line(path, found, self.device, more=_UNREADABLE),)
        self._levels.append(level)
        if len(self._levels) > self._most_open:
            far = self._levels[-1 - self._most_open]
            far.identity = _identity(far.fd)
            os.close(far.fd)
            far.fd = -1
        return (_line(path, found, self.device),)

    def _leave(self) -> None:
        """Go up to the folder that holds this one."""
        fd = self._levels.pop().fd
        try:
            if self._levels and self._levels[-1].fd < 0:
                above = self._levels[-1]
                above.fd = _open("..", fd)
                if _identity(above.fd) != above.identity:
                    raise OSError("a folder was moved while it was listed")
        finally:
            os.close(fd)


def _line(path: str, found: os.stat_result, device: int, *, size: int = 0, more: str = "") -> str:
    """Return the line that begins with `path`; `more` is what stands before `source`."""
    owner = _owner(found.st_mode, found.st_uid, found.st_gid)
    source = f"{found.st_ino},{found.st_ctime_ns},{found.st_nlink}"
    if found.st_dev != device:
        source += f",{found.st_dev}"
    return f'{path}{owner}{size},"mtime_ns":{found.st_mtime_ns}{more},"source":[{source}]}}\n'


@lru_cache(maxsize=4096)
def _owner(mode: int, uid: int, gid: int) -> str:
    # Most names share it with others, and it is half of what takes time to write.
    kind = _TYPES[stat.S_IFMT(mode)]
    return f',"type":"{kind}","mode":"{stat.S_IMODE(mode):04o}","uid":{uid},"gid":{gid},"size":'


def _special(name: str, path: str, found: os.stat_result, device: int, fd: int) -> tuple[str, ...]:
    """Return the line of what is neither file nor folder; none for a symlink that has just gone."""
    if stat.S_ISLNK(found.st_mode):
        try:
            target = os.fsencode(os.readlink(name, dir_fd=fd))
        except FileNotFoundError:
            return ()
        except OSError:
            return (_line(path, found, device, more=_UNREADABLE),)
        # Not st_size, which is another thing in some file systems (proc, ecryptfs).
        more = f',"target":{_quoted(target.decode("utf-8", "surrogateescape"))}'
        return (_line(path, found, device, size=len(target), more=more),)
    if stat.S_ISCHR(found.st_mode) or stat.S_ISBLK(found.st_mode):
        more = f',"rdev":[{os.major(found.st_rdev)},{os.minor(found.st_rdev)}]'
        return (_line(path, found, device, more=more),)
    return (_line(path, found, device),)


def _open(name: str, above: int) -> int:
    if _UNNOTICED:
        try:
            return os.open(name, _FOLDER | _UNNOTICED, dir_fd=above)
        except PermissionError:
            pass
    return os.open(name, _FOLDER, dir_fd=above)


def _identity(fd: int) -> tuple[int, int]:
    found = os.fstat(fd)
    return found.st_dev, found.st_ino


def _in_utf_8(name: str) -> str:
    return os.fsencode(name).decode("utf-8", "surrogateescape")
