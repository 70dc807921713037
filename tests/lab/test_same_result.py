"""A pull by a list makes the very tree that a whole one makes, whatever happens between two pulls."""

from __future__ import annotations

import os
import random
import shutil
import struct
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from backupjump.config.models import StoreKind
from fingerprint import Print, fingerprint
from lab.filesystems import Disk, disk
from list_world import Side, pull_as_ever, pull_whole
from rsync_world import ODD_NAMES, remote_shell
from store_world import make_store

NAMES = [os.fsdecode(each) for each in (*ODD_NAMES, b"a", b"b", b"c", b"d", b"a.tmp", b"skip", b"a b", b"ab")]
EXCLUDE = ("*.tmp", "skip/", "/home/none/")


class Desktop:
    """A folder that changes at random."""

    def __init__(self, home: Path, seed: int) -> None:
        self.home = home
        self.random = random.Random(seed)
        self.clock = 1_700_000_000
        home.mkdir(parents=True)
        for _ in range(12):
            self.step()

    def folders(self) -> list[Path]:
        return [self.home, *(Path(at) / each for at, each_ in walked(self.home) for each in each_)]

    def entries(self) -> list[Path]:
        return sorted(path for path in self.home.rglob("*"))

    def files(self) -> list[Path]:
        return [each for each in self.entries() if each.is_file() and not each.is_symlink()]

    def free(self) -> Path:
        return self.random.choice(self.folders()) / self.random.choice(NAMES)

    def step(self) -> str:
        self.clock += self.random.randint(1, 1000)
        what = self.random.choice(
            [
                "write",
                "write",
                "write",
                "folder",
                "folder",
                "symlink",
                "hardlink",
                "hardlink",
                "split",
                "unlink",
                "rmtree",
                "rename",
                "rename",
                "rename folder",
                "chmod",
                "chmod folder",
                "chown",
                "touch",
                "touch folder",
                "xattr",
                "acl",
                "acl folder",
                "fifo",
                "device",
                "type",
                "sparse",
                "back in time",
                "chown folder",
                "replace",
                "grow",
            ]
        )
        getattr(self, "do_" + what.replace(" ", "_"))()
        return what

    def stamp(self, path: Path) -> None:
        when = (self.clock * 1_000_000_000 + self.random.randint(0, 999_999_999),) * 2
        os.utime(path, ns=when, follow_symlinks=False)

    def do_write(self) -> None:
        path = self.free()
        if path.is_dir() or path.is_symlink() or (os.path.lexists(path) and not path.is_file()):
            return
        path.write_bytes(self.random.randbytes(self.random.choice([0, 1, 10, 5000])))
        if self.random.random() < 0.7:
            self.stamp(path)

    def do_grow(self) -> None:
        if files := self.files():
            with self.random.choice(files).open("ab") as file:
                file.write(b"more")

    def do_back_in_time(self) -> None:
        if files := self.files():
            path = self.random.choice(files)
            path.write_bytes(self.random.randbytes(path.stat().st_size + 1))
            os.utime(path, (5, 5))

    def do_replace(self) -> None:
        if files := self.files():
            path = self.random.choice(files)
            new = self.home / "replacing"
            new.write_bytes(self.random.randbytes(33))
            self.stamp(new)
            new.rename(path)

    def do_folder(self) -> None:
        path = self.free()
        if not os.path.lexists(path):
            path.mkdir()

    def do_symlink(self) -> None:
        path = self.free()
        if not os.path.lexists(path):
            path.symlink_to(self.random.choice(["a", "nowhere", "..", "/etc", "b/c"]))

    def do_hardlink(self) -> None:
        path, files = self.free(), self.files()
        if files and not os.path.lexists(path):
            path.hardlink_to(self.random.choice(files))

    def do_split(self) -> None:
        linked = [each for each in self.files() if each.stat().st_nlink > 1]
        if linked:
            path = self.random.choice(linked)
            copy = self.home / "copying"
            shutil.copy2(path, copy)
            copy.rename(path)

    def do_unlink(self) -> None:
        if files := [each for each in self.entries() if not each.is_dir() or each.is_symlink()]:
            self.random.choice(files).unlink()

    def do_rmtree(self) -> None:
        if len(folders := self.folders()) > 3:
            shutil.rmtree(self.random.choice(folders[1:]))

    def do_rename(self) -> None:
        path, files = self.free(), [each for each in self.entries() if not each.is_dir() or each.is_symlink()]
        if files and not os.path.lexists(path):
            self.random.choice(files).rename(path)

    def do_rename_folder(self) -> None:
        path, folders = self.free(), self.folders()[1:]
        if folders and not os.path.lexists(path):
            folder = self.random.choice(folders)
            if folder not in path.parents:
                folder.rename(path)

    def do_chmod(self) -> None:
        if files := self.files():
            self.random.choice(files).chmod(self.random.choice([0o644, 0o600, 0o400, 0o755, 0o4755]))

    def do_chmod_folder(self) -> None:
        self.random.choice(self.folders()).chmod(self.random.choice([0o755, 0o700, 0o500, 0o2775, 0o1777]))

    def do_chown(self) -> None:
        if entries := self.entries():
            os.chown(self.random.choice(entries), self.random.randint(0, 3), 7, follow_symlinks=False)

    def do_chown_folder(self) -> None:
        os.chown(self.random.choice(self.folders()), 5, self.random.randint(0, 3))

    def do_touch(self) -> None:
        if entries := self.entries():
            self.stamp(self.random.choice(entries))

    def do_touch_folder(self) -> None:
        self.stamp(self.random.choice(self.folders()))

    def do_xattr(self) -> None:
        if files := [*self.files(), *self.folders()]:
            os.setxattr(self.random.choice(files), "user.note", self.random.randbytes(3))

    def do_acl(self) -> None:
        if files := self.files():
            self._acl(self.random.choice(files), "system.posix_acl_access")

    def do_acl_folder(self) -> None:
        self._acl(
            self.random.choice(self.folders()),
            self.random.choice(["system.posix_acl_access", "system.posix_acl_default"]),
        )

    def _acl(self, path: Path, name: str) -> None:
        none, user = 0xFFFFFFFF, self.random.randint(1, 9)
        entries = ((1, 7, none), (2, 5, user), (4, 5, none), (16, 7, none), (32, 4, none))
        os.setxattr(path, name, struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *each) for each in entries))

    def do_fifo(self) -> None:
        path = self.free()
        if not os.path.lexists(path):
            os.mkfifo(path)

    def do_device(self) -> None:
        path = self.free()
        if not os.path.lexists(path):
            os.mknod(path, 0o20600, os.makedev(1, self.random.randint(3, 9)))

    def do_type(self) -> None:
        if entries := self.entries():
            path = self.random.choice(entries)
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
            kind = self.random.choice(["folder", "file", "link"])
            if kind == "folder":
                path.mkdir()
                (path / "a").write_bytes(b"in it")
            elif kind == "file":
                path.write_bytes(b"a file now")
            else:
                path.symlink_to("a")

    def do_sparse(self) -> None:
        path = self.free()
        if not os.path.lexists(path):
            with path.open("wb") as file:
                file.truncate(1 << 20)
                file.seek(1 << 19)
                file.write(b"in the middle")


def walked(home: Path):
    for at, folders, _files in os.walk(home):
        yield at, [each for each in folders if not (Path(at) / each).is_symlink()]


@pytest.fixture(scope="module")
def btrfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disk]:
    with disk("btrfs", tmp_path_factory.mktemp("btrfs") / "disk", mebibytes=1024) as made:
        yield made


@pytest.mark.parametrize("seed", range(int(os.environ.get("SEEDS", "10"))))
def test_both_trees_are_one(seed: int, tmp_path: Path) -> None:
    compared(tmp_path, tmp_path, StoreKind.HARDLINK, seed)


@pytest.mark.parametrize("seed", range(int(os.environ.get("SEEDS", "10"))))
def test_both_subvolumes_are_one(seed: int, tmp_path: Path, btrfs: Disk) -> None:
    compared(tmp_path, btrfs.folder / tmp_path.name, StoreKind.BTRFS, seed)


def compared(place: Path, stores: Path, kind: StoreKind, seed: int) -> None:
    desktop = Desktop(place / "home" / "me", seed)
    shell = remote_shell(place)
    whole, listed = (Side(make_store(stores / name, kind=kind), shell, exclude=EXCLUDE) for name in ("whole", "listed"))
    pull_whole(whole, desktop.home)
    pull_whole(listed, desktop.home)
    for _ in range(6):
        did = [desktop.step() for _ in range(desktop.random.randint(0, 8))]
        one = pull_whole(whole, desktop.home)
        other, _by_list = pull_as_ever(listed, desktop.home)
        expected, got = (fingerprint(each.snapshot.tree / str(desktop.home)[1:]) for each in (one, other))
        assert different(expected, got) == [], did


def different(expected: dict[str, Print], got: dict[str, Print]) -> list[str]:
    """Say what differs, path by path."""
    paths = sorted(path for path in expected.keys() | got.keys() if expected.get(path) != got.get(path))
    names = [each.name for each in fields(Print)]
    return [
        f"{path}: {name}: {one!r} != {other!r}"
        for path in paths
        for name in names
        if (one := getattr(expected.get(path), name, None)) != (other := getattr(got.get(path), name, None))
    ]
