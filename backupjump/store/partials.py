"""Half-written files: what a broken-off attempt had begun goes on in the next one, and is never published."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from backupjump.config.models import PARTIAL_FOLDER
from backupjump.store.splice import complete_from
from backupjump.store.tree import Found, open_folder, remove_tree, walk

if TYPE_CHECKING:
    from collections.abc import Iterator

_TEMPORARY = re.compile(r"\.(.+)\.[A-Za-z0-9]{6}", re.DOTALL)


def adopt_partials(attempt: Path, tree: Path, *, bases: Sequence[Path] = ()) -> dict[Path, int]:
    """Move the half-written files of the tree `attempt` to the same places in the fresh `tree`.

    One of which a tree of `bases` has an older, longer version gets the rest of that one, so that what was
    sent as a delta goes on as a delta. Returns the folders that had to be made for them in `tree`, outermost
    first, each with its mtime in nanoseconds, by which `remove_leftovers` sees whether rsync has been there.
    """
    places = [Path(os.fsdecode(found.path)) for found in walk(attempt, folders_only=True) if _is_partial(found)]
    made: list[Path] = []
    for place in places:
        if _is_adoptable(attempt / place) and not os.path.lexists(tree / place):
            made += _make_folders(tree, place.parent)
            with _open_to_change(attempt / place.parent), _open_to_change(tree / place.parent):
                (attempt / place).rename(tree / place)
            for partial in (tree / place).iterdir():
                complete_from(bases, place.parent / partial.name, partial)
    return {folder: folder.lstat().st_mtime_ns for folder in made}


def partial_sizes(tree: Path) -> dict[bytes, int]:
    """Return how much there is of each half-written file in a tree, by the path that the whole one will have."""
    sizes: dict[bytes, int] = {}
    for found in walk(tree, folders_only=True):
        if _is_partial(found):
            folder = found.path.rpartition(b"/")[0]
            with os.scandir(tree / os.fsdecode(found.path)) as entries:
                for entry in entries:
                    path = os.fsencode(entry.name)
                    sizes[folder + b"/" + path if folder else path] = entry.stat(follow_symlinks=False).st_size
    return sizes


def keep_orphans(attempt: Path, *, begun_ns: int) -> None:
    """Make the files that a killed rsync left under their temporary names in `attempt` half-written files like others.

    rsync writes `NAME` as `.NAME.XXXXXX` and renames it when it is whole or when it is told to end, which
    SIGKILL and a power cut don't do. A file of the Desktop that is named like this is older than `begun_ns`.
    Source: rsync's receiver.c, get_tmpname; measured.
    """
    orphans = [
        (Path(os.fsdecode(found.path)), match[1])
        for found in walk(attempt)
        if (match := _TEMPORARY.fullmatch(found.name))
        and found.is_regular
        and found.status.st_nlink == 1
        and found.status.st_mtime_ns >= begun_ns
    ]
    for orphan, name in orphans:
        folder = attempt / orphan.parent / PARTIAL_FOLDER
        # A Desktop that ignores our filters can put a link in its place.
        if _is_free_or_folder(folder) and not os.path.lexists(folder / name):
            with _open_to_change(folder.parent):
                folder.mkdir(mode=0o700, exist_ok=True)
                (attempt / orphan).rename(folder / name)


def remove_leftovers(tree: Path, made: Mapping[Path, int]) -> None:
    """Remove every folder for half-written files from `tree`, and each folder of `made` that rsync never touched.

    Such a folder is gone from the Desktop. The times of the folders above stay as rsync set them.
    """
    untouched = [folder for folder, mtime_ns in made.items() if _mtime_ns(folder) == mtime_ns]
    for found in walk(tree, folders_only=True):
        if _is_partial(found):
            with times_kept(found.folder_fd):
                remove_tree(found.name, folder_fd=found.folder_fd)
    for folder in reversed(untouched):
        if not any(folder.iterdir()):
            with _open_to_change(folder.parent):
                folder.rmdir()


def _is_partial(found: Found) -> bool:
    return found.is_folder and found.name == PARTIAL_FOLDER


def _is_free_or_folder(path: Path) -> bool:
    return not os.path.lexists(path) or (path.is_dir() and not path.is_symlink())


def _is_adoptable(folder: Path) -> bool:
    """Whether there are only regular files in it that no snapshot shares: rsync will write into them."""
    with os.scandir(folder) as entries:
        states = [entry.stat(follow_symlinks=False) for entry in entries]
    return bool(states) and all(stat.S_ISREG(state.st_mode) and state.st_nlink == 1 for state in states)


def _make_folders(tree: Path, relative: Path) -> list[Path]:
    made = []
    for folder in (tree / each for each in [*reversed(relative.parents), relative]):
        if not os.path.lexists(folder):
            folder.mkdir(mode=0o700)
            made.append(folder)
    return made


def _mtime_ns(folder: Path) -> int:
    try:
        return folder.lstat().st_mtime_ns
    except FileNotFoundError:
        return -1


@contextmanager
def times_kept(folder_fd: int) -> Iterator[None]:
    """Within the block the open folder may be written to, whatever its mode; mode and times come back after it."""
    before = os.fstat(folder_fd)
    if before.st_mode & stat.S_IRWXU != stat.S_IRWXU:
        os.fchmod(folder_fd, stat.S_IMODE(before.st_mode) | stat.S_IRWXU)
    try:
        yield
    finally:
        os.fchmod(folder_fd, stat.S_IMODE(before.st_mode))
        os.utime(folder_fd, ns=(before.st_atime_ns, before.st_mtime_ns))


@contextmanager
def _open_to_change(folder: Path) -> Iterator[None]:
    fd = open_folder(folder, ())
    try:
        with times_kept(fd):
            yield
    finally:
        os.close(fd)
