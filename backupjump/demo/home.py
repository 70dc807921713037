"""A home to back up, with all that makes a home hard to copy; the same one for the same seed."""

from __future__ import annotations

import os
import random
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

_WORDS = ("the", "a", "tunnel", "harbour", "letter", "garden", "of", "with", "under", "bright", "winter", "and", "not")
_ODD_NAMES = (
    b"R\xc3\xa9sum\xc3\xa9 \xe2\x80\x93 final (2).odt",
    "天気 予報.txt".encode(),
    b"two\nlines.txt",
    b"red \x1b[31malert\x1b[0m.txt",
    b"caf\xe9 in latin-1.txt",
    "photo\u202egpj.exe".encode(),
    b"$(touch pwned) `id`.txt",
    b'it\'s "quoted" \\ and *starred*? [x].txt',
    b"-rf",
    b" spaces at both ends ",
    b"n" * 251 + b".txt",
)
_ODD_MTIME_NS = 1_699_999_999_123_456_789
_OLDEST_NS = 1_600_000_000 * 10**9
_HOLE_BYTES = 8 * 1024 * 1024


class Shelf(NamedTuple):
    """Files of one kind; in the names {0} is the group and {1} the number within it."""

    folder: str
    name: str
    groups: int
    each: int
    sizes: tuple[int, int]
    text: bool


_SHELVES = (
    Shelf("photos/album {0:02}", "IMG_{1:04}.jpg", 8, 15, (8_000, 30_000), text=False),
    Shelf("documents/invoices/{0}", "invoice-{1:03}.pdf", 3, 20, (2_000, 20_000), text=False),
    Shelf("documents/letters", "letter {1:02}.txt", 1, 20, (200, 6_000), text=True),
    Shelf("projects/weather/module_{0}", "part_{1:02}.py", 6, 14, (50, 5_000), text=True),
    Shelf(".config/app{0}", "settings-{1}.ini", 5, 4, (20, 800), text=True),
)


@dataclass(frozen=True, kw_only=True)
class Home:
    """What `make_home` made: how many names and folders, their bytes on the disk, and what it could not make here."""

    files: int
    folders: int
    size_bytes: int
    left_out: tuple[str, ...]

    @property
    def told(self) -> str:
        """One or two sentences for a person."""
        text = (
            f"{self.files} files in {self.folders} folders, {self.size_bytes / 1e6:.1f} MB: symlinks, hard links, a "
            "sparse file, an extended attribute, names with newline, escape, bidi and bytes that are no UTF-8"
        )
        return text + "".join(f"\nnot on this file system: {thing}" for thing in self.left_out)


@dataclass(frozen=True, kw_only=True)
class Change:
    """One thing that was done to a home: the word for it, the path below the home, the new path of a rename."""

    what: str
    path: str
    to: str | None = None

    def __str__(self) -> str:
        return f"{self.what} {self.path}" + (f" to {self.to}" if self.to else "")


def make_home(home: Path, *, seed: int = 1, unreadable: bool = True) -> Home:
    """Fill the existing folder `home` and return what is there now.

    `unreadable`: one file has mode 0, which only root can read, so a plain user's backup warns of it.
    """
    chance = random.Random(seed)  # noqa: S311 (the same home each time is the point)
    for shelf in _SHELVES:
        _fill(home, shelf, chance)
    left_out = [*_odd_names(home), *_odd_files(home, chance)]
    if unreadable:
        sealed = home / "documents/sealed letter.txt"
        sealed.write_text("not even for its owner\n")
        sealed.chmod(0)
    _set_times(home, chance)
    return _measure(home, tuple(left_out))


def change_home(home: Path) -> tuple[Change, ...]:
    """Do a day's work in a home that `make_home` made: edit, add, delete, rename, chmod; return what was done."""
    _append(home / "documents/letters/letter 00.txt", "P.S. one more line\n")
    _append(home / "projects/weather/module_0/part_00.py", "# one more line\n")
    # The same size as before: only the time tells that it is another file.
    picture = home / "photos/album 00/IMG_0000.jpg"
    picture.write_bytes(picture.read_bytes()[::-1])
    (home / "documents/letters/a new letter.txt").write_text("written today\n")
    (home / "photos/album 08").mkdir()
    (home / "photos/album 08/IMG_0000.jpg").write_bytes(random.Random(2).randbytes(20_000))  # noqa: S311
    (home / "documents/invoices/0/invoice-000.pdf").unlink()
    shutil.rmtree(home / ".config/app4")
    (home / "photos/album 01/IMG_0001.jpg").rename(home / "photos/album 01/sunset.jpg")
    (home / "projects/weather/module_1/part_01.py").chmod(0o700)
    return (
        Change(what="edited", path="documents/letters/letter 00.txt"),
        Change(what="edited", path="projects/weather/module_0/part_00.py"),
        Change(what="edited, same size", path="photos/album 00/IMG_0000.jpg"),
        Change(what="added", path="documents/letters/a new letter.txt"),
        Change(what="added", path="photos/album 08/IMG_0000.jpg"),
        Change(what="deleted", path="documents/invoices/0/invoice-000.pdf"),
        Change(what="deleted", path=".config/app4"),
        Change(what="renamed", path="photos/album 01/IMG_0001.jpg", to="photos/album 01/sunset.jpg"),
        Change(what="made executable", path="projects/weather/module_1/part_01.py"),
    )


def _fill(home: Path, shelf: Shelf, chance: random.Random) -> None:
    for group in range(shelf.groups):
        folder = home / shelf.folder.format(group)
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(shelf.each):
            path = folder / shelf.name.format(group, number)
            size = chance.randint(*shelf.sizes)
            path.write_bytes(_text(size, chance) if shelf.text else chance.randbytes(size))
            path.chmod(chance.choice((0o644, 0o644, 0o600, 0o640, 0o755)))


def _text(size: int, chance: random.Random) -> bytes:
    words = chance.choices(_WORDS, k=size // 4 + 1)
    lines = (" ".join(words[start : start + 10]) for start in range(0, len(words), 10))
    return "\n".join(lines).encode()[: size - 1] + b"\n"


def _odd_names(home: Path) -> list[str]:
    """Write a file of each odd name; return what this file system does not take."""
    folder = os.fsencode(home / "odd names")
    Path(os.fsdecode(folder)).mkdir()
    left_out = []
    for name in _ODD_NAMES:
        try:
            Path(os.fsdecode(folder + b"/" + name)).write_bytes(b"called " + name + b"\n")
        except OSError as error:
            left_out.append(f"the name {name!r} ({error.strerror})")
    return left_out


def _odd_files(home: Path, chance: random.Random) -> list[str]:
    folder = home / "odd files"
    folder.mkdir()
    (folder / "empty folder").mkdir()
    (folder / "empty file").touch()
    (folder / "to a letter").symlink_to("../documents/letters/letter 01.txt")
    (folder / "to a folder").symlink_to("../photos")
    (folder / "to nothing").symlink_to("nowhere/at all")
    (folder / "absolute").symlink_to("/etc/hostname")
    (folder / "first name").write_bytes(chance.randbytes(5_000))
    (folder / "second name").hardlink_to(folder / "first name")
    (home / "documents/third name").hardlink_to(folder / "first name")
    with (folder / "sparse disk.img").open("wb") as disk:
        disk.write(b"first block\n")
        disk.seek(_HOLE_BYTES)
        disk.write(b"last block\n")
    (folder / "odd time").write_text("modified at a nanosecond of its own\n")
    (folder / "tagged").write_text("has an extended attribute\n")
    try:
        os.setxattr(folder / "tagged", "user.backupjump.demo", b"a value\0with a zero")
    except OSError as error:
        return [f"extended attributes ({error.strerror})"]
    return []


def _set_times(home: Path, chance: random.Random) -> None:
    """Give everything a time in the past, folders last, since each change in one moves its time."""
    for folder, below, names in sorted(os.walk(home), reverse=True):
        for path in [*(Path(folder, name) for name in sorted(below + names)), Path(folder)]:
            moment = _OLDEST_NS + chance.randrange(10**17)
            odd = path.name == "odd time"
            os.utime(path, ns=(moment, _ODD_MTIME_NS if odd else moment), follow_symlinks=False)


def _append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def _measure(home: Path, left_out: tuple[str, ...]) -> Home:
    files = folders = size_bytes = 0
    for folder, below, names in os.walk(home):
        folders += len(below)
        files += len(names)
        size_bytes += sum(Path(folder, name).lstat().st_blocks * 512 for name in names)
    return Home(files=files, folders=folders, size_bytes=size_bytes, left_out=left_out)
