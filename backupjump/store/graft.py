"""Turn a tree that is linked to the last snapshot into the next one: what changed goes out, what arrived comes in.

The tree's folders are its own, its files are the snapshot's: names are made and unmade here, no file is ever written
to. What arrived lies in the private tree that rsync filled. By folder descriptors, no link is followed. Where the two
don't fit together, as when the Desktop's files changed under the list, it is a GraftFailed, and the tree is of no use.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from backupjump.store.attributes import copy_attributes
from backupjump.store.change_list import Change
from backupjump.store.tree import FOLDER, Found, OpenWay, open_folder, walk

# A plain user's store keeps the modes of folders, also of those that their owner may not open.
_MISFITS = (FileExistsError, FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError)


class GraftFailed(Exception):
    """What is in the one tree does not fit into the other."""


class Folders:
    """Folders of a tree, one at a time, each as it was again when the next one is gone to: mode and times.

    Entries of one folder come after another, so that most are found open. FileNotFoundError or NotADirectoryError
    where there is no such folder.
    """

    def __init__(self, tree: Path, *, to_change: bool) -> None:
        self._tree = tree
        # The tree itself, of the source /, has a name on the disk, and none in a manifest.
        self._around = OpenWay(tree.parent)
        self._way = OpenWay(tree)
        self._to_change = to_change
        self._path: bytes | None = None
        self._fd = -1
        self._before: os.stat_result | None = None

    def above(self, path: bytes) -> tuple[int, str]:
        """Return the open folder that has the name at `path`, and the name."""
        if not path:
            self.leave()
            return self._around.to(b""), self._tree.name
        folder, _, name = path.rpartition(b"/")
        if folder != self._path:
            self.leave()
            self._fd = self._way.to(folder)
            self._path = folder
            if self._to_change:
                self._before = os.fstat(self._fd)
                if self._before.st_mode & stat.S_IRWXU != stat.S_IRWXU:
                    os.fchmod(self._fd, stat.S_IMODE(self._before.st_mode) | stat.S_IRWXU)
        return self._fd, os.fsdecode(name)

    def leave(self) -> None:
        """Let go of the folder that was gone to last: it is as it was."""
        if self._before is not None:
            os.fchmod(self._fd, stat.S_IMODE(self._before.st_mode))
            os.utime(self._fd, ns=(self._before.st_atime_ns, self._before.st_mtime_ns))
        self._path, self._before = None, None

    def __enter__(self) -> Folders:
        return self

    def __exit__(self, *_exc_info: object) -> None:
        with self._around, self._way:
            self.leave()


def look_up(folders: Folders, path: bytes) -> Found | None:
    """Return what the tree has at `path`, None for nothing; its folder is open until another one is asked for.

    In a folder that we may not open there is nothing, as for `walk`.
    """
    try:
        fd, name = folders.above(path)
        return Found(path=path, name=name, folder_fd=fd, status=os.stat(name, dir_fd=fd, follow_symlinks=False))
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return None


def take_out_changed(tree: Path, changes: Sequence[Change]) -> None:
    """Remove from `tree` what each of `changes`, in a manifest's order, had before, but for folders that stay."""
    with fitting(), Folders(tree, to_change=True) as folders:
        for change in reversed(changes):
            if change.old is None or change.stays_folder:
                continue
            fd, name = folders.above(change.path)
            if change.old.type == "dir":
                os.rmdir(name, dir_fd=fd)
            else:
                os.unlink(name, dir_fd=fd)


def link_moved(base: Path, place: Path, moved: Mapping[bytes, bytes]) -> None:
    """Link files of the tree `base` into the new tree `place`; `moved` has, by the path of now, the one before."""
    for now, before in moved.items():
        target = place / os.fsdecode(now)
        target.parent.mkdir(parents=True, exist_ok=True)
        with fitting():
            os.link(base / os.fsdecode(before), target, follow_symlinks=False)


def rename_moved(tree: Path, moved: Mapping[bytes, bytes]) -> frozenset[bytes]:
    """Rename files within a private tree to where they are now, and return the paths that they are gone from."""
    went = set()
    with fitting(), Folders(tree, to_change=True) as here, Folders(tree, to_change=True) as there:
        for now, before in moved.items():
            if before in went:
                continue  # one of several names: rsync links it to the first
            _make_folders_above(tree, now)
            from_fd, from_name = here.above(before)
            to_fd, to_name = there.above(now)
            os.rename(from_name, to_name, src_dir_fd=from_fd, dst_dir_fd=to_fd)
            went.add(before)
    return frozenset(went)


def _make_folders_above(tree: Path, path: bytes) -> None:
    """Make the folders on the way to `path` that are not there; a link on it leads nowhere."""
    fd = open_folder(tree, ())
    try:
        for part in path.split(b"/")[:-1]:
            with suppress(FileExistsError):
                os.mkdir(part, 0o700, dir_fd=fd)
            above, fd = fd, os.open(part, FOLDER, dir_fd=fd)
            os.close(above)
    finally:
        os.close(fd)


def put_in(tree: Path, arrived: Path, sources: Iterable[bytes], *, wanted: Collection[bytes]) -> frozenset[bytes]:
    """Link what rsync brought to `arrived` into `tree`, and give the folders that it brought their attributes.

    Only paths that are `wanted` are taken: with a source itself rsync brings the names right below it. Returns the
    folders whose attributes came anew.
    """
    came: list[bytes] = []
    with fitting(), Folders(tree, to_change=True) as folders:
        for source in sources:
            unasked: bytes | None = None
            for found in walk(arrived, source):
                if unasked is not None and found.path.startswith(unasked):
                    continue
                if found.path == source and source not in wanted:
                    continue  # rsync made it, and gave it nothing of the Desktop's
                if found.is_folder:
                    if _make_folder(folders, found, wanted=found.path in wanted):
                        came.append(found.path)
                    else:
                        unasked = found.path + b"/"
                elif found.path in wanted:
                    fd, name = folders.above(found.path)
                    os.link(found.name, name, src_dir_fd=found.folder_fd, dst_dir_fd=fd, follow_symlinks=False)
    # With the folders left: what is put into one changes its times.
    with fitting(), OpenWay(arrived) as there, OpenWay(tree) as here:
        for path in reversed(came):
            copy_attributes(there.to(path), here.to(path))
    return frozenset(came)


def _make_folder(folders: Folders, found: Found, *, wanted: bool) -> bool:
    """See to it that a folder is there in the tree; return False for one that nobody asked for."""
    if not found.path:
        return True
    fd, name = folders.above(found.path)
    with suppress(FileNotFoundError):
        if not stat.S_ISDIR(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode):
            raise GraftFailed(f"a folder came where something else is: {found.path!r}")
        return True
    if wanted:
        os.mkdir(name, 0o700, dir_fd=fd)
    return wanted


@contextmanager
def fitting() -> Iterator[None]:
    """Within the block an OSError that shows a misfit is a GraftFailed, and so is one name too many for a file."""
    try:
        yield
    except _MISFITS as error:
        raise GraftFailed(str(error)) from error
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EMLINK):
            raise GraftFailed(str(error)) from error
        raise
