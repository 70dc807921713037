"""A tree of hard links to all that a snapshot has, made ahead of the run that will change it into the next one.

Nothing but links and folders is ever put here, and rsync is never run into it: its files are the snapshot's own. It
lies in work/prepared and is no attempt and no snapshot. `ready` is written last, after a sync: a tree without it was
cut off and is thrown away, as is one of another snapshot than the next run builds on.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from backupjump.store.attributes import copy_attributes
from backupjump.store.graft import GraftFailed, fitting
from backupjump.store.layout import JobFolder
from backupjump.store.snapshots import TREE_NAME, Snapshot
from backupjump.store.tree import allow_open_folders

_READY_NAME = "ready.json"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def prepare_tree(folder: JobFolder, base: Snapshot, *, sync: Callable[[], None]) -> None:
    """Make the tree of links to all that `base` has, in place of any other one; no lock of the job's is needed.

    `sync` brings it to the disk before it counts as ready. TakenAwayError where a run has taken it away meanwhile;
    GraftFailed where `base` is not what its manifest lists.
    """
    discard_prepared(folder)
    folder.prepared.mkdir(mode=0o700)
    ours = folder.prepared.stat()

    def is_taken() -> bool:
        try:
            return not os.path.samestat(folder.prepared.stat(), ours)
        except FileNotFoundError:
            return True

    try:
        names = link_snapshot(base, folder.prepared / TREE_NAME, stop=is_taken)
        sync()
        note = folder.prepared / f"{_READY_NAME}.new"
        note.write_text(json.dumps({"base": base.id, "names": names}) + "\n", encoding="ascii")
        note.rename(folder.prepared / _READY_NAME)
    except (OSError, GraftFailed) as error:
        if is_taken():
            raise TakenAwayError from error
        discard_prepared(folder)
        raise


def link_snapshot(base: Snapshot, tree: Path, *, stop: Callable[[], bool] = lambda: False) -> int:
    """Make the folder `tree` with links to all that `base` has, and return how many names that are.

    GraftFailed where that is not what its manifest lists: something was done to it by hand.
    """
    tree.mkdir()
    names = 0
    for source in base.sources:
        make_source_folder(tree, source)
        place = source.lstrip("/")
        with fitting():
            names += 1 + link_tree(base.tree / place, tree / place, stop=stop)
    if names != base.names_total:
        raise GraftFailed(f"{base.id} has {names} names, its manifest lists {base.names_total}")
    return names


def take_prepared(folder: JobFolder, base: Snapshot, *, to: Path) -> bool:
    """Move the tree that was prepared for what builds on `base` to the path `to`; False where there is none."""
    try:
        ready = json.loads((folder.prepared / _READY_NAME).read_bytes())
    except (OSError, ValueError):
        return False
    if ready != {"base": base.id, "names": base.names_total}:
        return False
    try:
        (folder.prepared / TREE_NAME).rename(to)
        is_whole = True
    except FileNotFoundError:
        is_whole = False  # a run was killed right here, with the tree in hand
    discard_prepared(folder)
    return is_whole


def is_prepared(folder: JobFolder, base: Snapshot) -> bool:
    """Whether a tree lies ready for what builds on `base`."""
    try:
        ready = json.loads((folder.prepared / _READY_NAME).read_bytes())
        return bool(ready.get("base") == base.id and (folder.prepared / TREE_NAME).is_dir())
    except (OSError, ValueError, AttributeError):
        return False


def discard_prepared(folder: JobFolder) -> None:
    """Move what was prepared, whole or not, to the trash; nothing where there is none."""
    if folder.prepared.is_dir():
        (folder.prepared / _READY_NAME).unlink(missing_ok=True)
        folder.prepared.rename(folder.trash / f"prepared-{secrets.token_hex(4)}")


def make_source_folder(tree: Path, source: str) -> None:
    """Make the folder of a source in a tree, with those above it, which are nobody's in particular."""
    place = tree
    for part in PurePosixPath(source).parts[1:]:
        place = place / part
        place.mkdir(exist_ok=True)
        place.chmod(0o755)


class TakenAwayError(Exception):
    """A run has begun, and taken away what was being made for it."""


@dataclass(slots=True)
class _Level:
    source: int
    target: int
    folders: Iterator[str]


def link_tree(source: Path, target: Path, *, stop: Callable[[], bool] = lambda: False) -> int:
    """Link all that is in `source` into the empty folder `target`, and return how many names that were.

    Folders are made anew and get the attributes of theirs, times last. By folder descriptors: no path is walked, no
    link followed. Told to `stop`, it raises TakenAwayError; what is there then is of no use.
    """
    allow_open_folders()
    count = 0
    with ExitStack() as undo:
        levels: list[_Level] = []
        undo.callback(_close_all, levels)
        levels.append(_level(os.open(source, _FOLDER), os.open(target, _FOLDER)))
        count += _link_files(levels[-1])
        while levels:
            level = levels[-1]
            name = next(level.folders, None)
            if name is None:
                copy_attributes(level.source, level.target)
                _close(levels.pop())
                continue
            if stop():
                raise TakenAwayError
            os.mkdir(name, 0o700, dir_fd=level.target)
            levels.append(
                _level(os.open(name, _FOLDER, dir_fd=level.source), os.open(name, _FOLDER, dir_fd=level.target))
            )
            count += 1 + _link_files(levels[-1])
    return count


def _level(source: int, target: int) -> _Level:
    return _Level(source, target, iter(()))


def _link_files(level: _Level) -> int:
    """Link what is no folder, and keep the names of the folders for later; return how many were linked."""
    source, target, link = level.source, level.target, os.link
    folders: list[str] = []
    count = 0
    with os.scandir(source) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.name)
            else:
                name = entry.name
                link(name, name, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)
                count += 1
    level.folders = iter(folders)
    return count


def _close_all(levels: list[_Level]) -> None:
    for level in levels:
        _close(level)


def _close(level: _Level) -> None:
    os.close(level.source)
    os.close(level.target)
