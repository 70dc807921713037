"""A Desktop's folder that changes step by step, each step a value: what a random history of backups is made of."""

from __future__ import annotations

import os
import shutil
import struct
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from rsync_world import ODD_NAMES

T = TypeVar("T")

# Few plain names, so that one is often taken; what the rules leave out; and the odd ones.
_PLAIN = (b"a", b"b", b"c", b"d", b"ab", b"a b")
_LEFT_OUT = (b"a.tmp", b"skip", b"cache1", b".cache")
_NAMES = tuple(os.fsdecode(each) for each in (*_PLAIN * 4, *_LEFT_OUT * 2, *ODD_NAMES))
_BEGAN = 1_700_000_000
_LARGEST = 20_000
EXCLUDE = ("*.tmp", "skip/", "cache*/", "a/b/", "/home/none/", "/home/me/d/")
"""Rules for a job whose source is /home/me, or ends so: `for_home` writes them for that."""


def for_home(home: Path) -> tuple[str, ...]:
    """Return EXCLUDE with the full paths below `home`."""
    return tuple(f"{home}{each[len('/home/me') :]}" if each.startswith("/home/me/") else each for each in EXCLUDE)


class Step(NamedTuple):
    """One change: what is done, and the numbers that say to which name, with which other one, and how."""

    what: str
    which: int
    other: int
    how: int


class ChangingDesktop:
    """The folder `home`, which gets a new time with each step. What can't be done to what is there does nothing."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._clock = _BEGAN
        home.mkdir(parents=True)

    def do(self, step: Step) -> None:
        """Do one step."""
        self._clock += 1 + step.how % 1000
        STEPS[step.what](self, step)

    def _folders(self) -> list[Path]:
        return [each for each in self._all() if each.is_dir() and not each.is_symlink()]

    def _all(self) -> list[Path]:
        found = [Path(at) / name for at, *kinds in os.walk(self.home) for names in kinds for name in names]
        return [self.home, *sorted(found)]

    def _entries(self) -> list[Path]:
        return self._all()[1:]

    def _files(self) -> list[Path]:
        return [each for each in self._entries() if each.is_file() and not each.is_symlink()]

    def _not_folders(self) -> list[Path]:
        return [each for each in self._entries() if each.is_symlink() or not each.is_dir()]

    def _new(self, step: Step) -> Path | None:
        path = _one(self._folders(), step.other) / _one(_NAMES, step.how)
        return None if os.path.lexists(path) else path

    def _stamp(self, path: Path, how: int) -> None:
        when = self._clock * 1_000_000_000 + how * 7919 % 1_000_000_000
        os.utime(path, ns=(when, when), follow_symlinks=False)

    def write(self, step: Step) -> None:
        if (path := self._new(step)) is not None:
            path.write_bytes(_content(step.which, (0, 1, 10, 5000, _LARGEST + 1)[step.which % 5]))
            if step.which % 3:
                self._stamp(path, step.which)

    def overwrite(self, step: Step) -> None:
        if files := self._files():
            _one(files, step.which).write_bytes(_content(step.how, 11 + step.how % 50))

    def grow(self, step: Step) -> None:
        if files := self._files():
            with _one(files, step.which).open("ab") as file:
                file.write(b"more")

    def edit_unseen(self, step: Step) -> None:
        """Change the content, and give size and time back."""
        if files := self._files():
            path = _one(files, step.which)
            status = path.stat()
            path.write_bytes(_content(step.how, status.st_size))
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    def back_in_time(self, step: Step) -> None:
        if files := self._files():
            path = _one(files, step.which)
            path.write_bytes(_content(step.how, path.stat().st_size + 1))
            os.utime(path, (5, 5))

    def replace(self, step: Step) -> None:
        if files := self._files():
            new = self.home / "replacing"
            new.write_bytes(_content(step.how, 33))
            self._stamp(new, step.how)
            new.rename(_one(files, step.which))

    def folder(self, step: Step) -> None:
        if (path := self._new(step)) is not None:
            path.mkdir()

    def folder_with_files(self, step: Step) -> None:
        if (path := self._new(step)) is not None:
            (path / "b").mkdir(parents=True)
            for name in ("a", "b/a", "b/a.tmp"):
                (path / name).write_bytes(_content(step.which, 40))

    def symlink(self, step: Step) -> None:
        if (path := self._new(step)) is not None:
            path.symlink_to(_one(("a", "nowhere", "..", "/etc", "b/c"), step.which))

    def hard_link(self, step: Step) -> None:
        path, files = self._new(step), self._not_folders()
        if path is not None and files:
            path.hardlink_to(_one(files, step.which))

    def split(self, step: Step) -> None:
        if linked := [each for each in self._files() if each.stat().st_nlink > 1]:
            path, copy = _one(linked, step.which), self.home / "copying"
            shutil.copy2(path, copy)
            copy.rename(path)

    def join(self, step: Step) -> None:
        """Make a name one more of another file."""
        if files := self._files():
            path, other = _one(files, step.which), _one(files, step.other)
            if path != other:
                path.unlink()
                path.hardlink_to(other)

    def unlink(self, step: Step) -> None:
        if found := self._not_folders():
            _one(found, step.which).unlink()

    def remove_folder(self, step: Step) -> None:
        if len(folders := self._folders()) > 2:
            shutil.rmtree(_one(folders[1:], step.which))

    def rename(self, step: Step) -> None:
        path, found = self._new(step), self._not_folders()
        if path is not None and found:
            _one(found, step.which).rename(path)

    def swap(self, step: Step) -> None:
        """Let two files change places: each name has the other's inode."""
        if files := self._files():
            one, other, aside = _one(files, step.which), _one(files, step.other), self.home / "swapping"
            one.rename(aside)
            if one != other:
                other.rename(one)
            aside.rename(other)

    def rename_folder(self, step: Step) -> None:
        path, folders = self._new(step), self._folders()[1:]
        if path is not None and folders:
            folder = _one(folders, step.which)
            if folder not in path.parents:
                folder.rename(path)

    def chmod(self, step: Step) -> None:
        if files := self._files():
            _one(files, step.which).chmod(_one((0o644, 0o600, 0o400, 0o755, 0o4755, 0o000), step.how))

    def chmod_folder(self, step: Step) -> None:
        _one(self._folders(), step.which).chmod(_one((0o755, 0o700, 0o500, 0o555, 0o2775, 0o1777), step.how))

    def chown(self, step: Step) -> None:
        os.chown(_one(self._all(), step.which), step.how % 4, 7, follow_symlinks=False)

    def touch(self, step: Step) -> None:
        self._stamp(_one(self._all(), step.which), step.how)

    def xattr(self, step: Step) -> None:
        path = _one([*self._files(), *self._folders()], step.which)
        if step.how % 3 or b"user.note" not in map(os.fsencode, os.listxattr(path)):
            os.setxattr(path, "user.note", b"%d" % step.how)
        else:
            os.removexattr(path, "user.note")

    def acl(self, step: Step) -> None:
        if files := self._files():
            _set_acl(_one(files, step.which), "system.posix_acl_access", step.how)

    def acl_of_folder(self, step: Step) -> None:
        _set_acl(
            _one(self._folders(), step.which), f"system.posix_acl_{_one(('access', 'default'), step.how)}", step.how
        )

    def fifo(self, step: Step) -> None:
        if (path := self._new(step)) is not None:
            os.mkfifo(path)

    def device(self, step: Step) -> None:
        if (path := self._new(step)) is not None:
            os.mknod(path, 0o20600, os.makedev(1, 3 + step.which % 7))

    def another_type(self, step: Step) -> None:
        if not (entries := self._entries()):
            return
        path = _one(entries, step.which)
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
        kind = step.how % 3
        if kind == 0:
            path.mkdir()
            (path / "a").write_bytes(b"in it")
        elif kind == 1:
            path.write_bytes(b"a file now")
        else:
            path.symlink_to("a")

    def sparse(self, step: Step) -> None:
        if (path := self._new(step)) is not None:
            with path.open("wb") as file:
                file.truncate(1 << 20)
                file.seek(1 << 19)
                file.write(b"in the middle")


STEPS: Mapping[str, Callable[[ChangingDesktop, Step], None]] = {
    name: what for name, what in vars(ChangingDesktop).items() if not name.startswith("_") and name != "do"
}
"""All that can be done, by name."""


def allocated(tree: Path) -> dict[str, bool]:
    """Return of each regular file of some size below `tree` if it has holes, by its path from there."""
    found = {}
    for at, _folders, names in os.walk(tree):
        for name in names:
            status = (path := Path(at) / name).lstat()
            if path.is_file() and not path.is_symlink() and status.st_size > 1 << 16:
                found[str(path.relative_to(tree))] = status.st_blocks * 512 < status.st_size // 2
    return found


def _one(of: Sequence[T], number: int) -> T:
    return of[number % len(of)]


def _content(number: int, size: int) -> bytes:
    return (b"%d and " % number * (size // 4 + 1))[:size]


def _set_acl(path: Path, name: str, how: int) -> None:
    """Set an ACL in the kernel's own form. Source: acl(5); posix_acl_xattr.h."""
    nobody, user = 0xFFFFFFFF, 1 + how % 9
    entries = ((1, 7, nobody), (2, 5, user), (4, 5, nobody), (16, 7, nobody), (32, 4, nobody))
    os.setxattr(path, name, struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *each) for each in entries))
