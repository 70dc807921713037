"""Put right what a verify found wrong in a published snapshot: content in place, attributes from the manifest.

Nothing else in the program writes into an inode that snapshots share. Here it is right: what is there is
known to be wrong, and written in place it is right again in every snapshot at once. A kill on the way
leaves the path as damaged as it was, for the next verify to find.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backupjump.store import subvolume
from backupjump.store.inode import FAKE_STAT, read_entry
from backupjump.store.manifest import Entry
from backupjump.store.tree import Found
from backupjump.store.verify.content import cold_hash, found_at
from backupjump.store.verify.differences import Rules, mode_with_type

_BLOCK_BYTES = 1 << 20
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_PUT_BACK = ("file", "dir", "symlink")


@contextmanager
def good_content(
    tree: Path, entry: Entry, *, other_than: tuple[int, int] | None = None, path: bytes | None = None
) -> Iterator[Found | None]:
    """Give the file in `tree` that holds what the manifest says, read from the disk to be sure; else None."""
    with found_at(tree, entry.path if path is None else path) as found:
        yield found if found is not None and _is_good(found, entry, other_than) else None


def _is_good(found: Found, entry: Entry, other_than: tuple[int, int] | None) -> bool:
    assert entry.hash is not None
    if not found.is_regular or found.inode == other_than or found.status.st_size != entry.size:
        return False
    try:
        return cold_hash(found, entry.hash) == entry.hash
    except OSError:
        return False


@contextmanager
def unfrozen(tree: Path) -> Iterator[None]:
    """Let a published subvolume be written to within the block; any other tree can be anyway."""
    frozen = subvolume.is_subvolume(tree)
    if frozen:
        subvolume.set_read_only(tree, read_only=False)
    try:
        yield
    finally:
        if frozen:
            subvolume.set_read_only(tree, read_only=True)


def rewrite(found: Found, good: Found) -> None:
    """Write the content of `good` into the damaged file `found`, only where it differs, down to the disk.

    Its attributes are as before, but for the mtime: set them next.
    """
    with _writable(found) as fd:
        size = _copy(good, fd)
        os.ftruncate(fd, size)
        os.fsync(fd)


def put_back(tree: Path, entry: Entry, *, good: Found | None, link: bool) -> None:
    """Make a name that is missing: a file from `good` (with `link` as one more name of it), a folder, a symlink.

    The folder that it belongs to keeps its time. Attributes are to be set next, but for a link.
    """
    folder, _slash, name = entry.path.rpartition(b"/")
    with found_at(tree, folder) as above:
        if above is None:
            raise FileNotFoundError(None, "the folder that it belongs in is missing", os.fsdecode(folder))
        with _open_to_write(above) as fd:
            _make(os.fsdecode(name), fd, entry, good, link=link)
            os.fsync(fd)


def can_put_back(entry: Entry, rules: Rules) -> bool:
    """Whether `put_back` can make it: no device, fifo or socket, and what stands for a symlink is a file's content."""
    return entry.type in _PUT_BACK and not (rules.fake_super and entry.type == "symlink")


def set_attributes(found: Found, entry: Entry, rules: Rules) -> None:
    """Set owner, mode and time as the manifest says; extended attributes are left as they are."""
    now = read_entry(found, fake_super=rules.fake_super)
    wrong = (now.mode, now.uid, now.gid) != (entry.mode, entry.uid, entry.gid)
    if wrong and rules.fake_super:
        major, minor = entry.rdev or (0, 0)
        value = b"%o %d,%d %d:%d" % (mode_with_type(entry), major, minor, entry.uid, entry.gid)
        os.setxattr(found.proc_path, FAKE_STAT, value, follow_symlinks=False)
    elif wrong:
        if rules.owners:
            os.chown(found.name, entry.uid, entry.gid, dir_fd=found.folder_fd, follow_symlinks=False)
        if entry.type != "symlink":
            # After the owner: to change that takes the setuid bit away.
            os.chmod(found.name, entry.mode, dir_fd=found.folder_fd)
    times = (found.status.st_atime_ns, entry.mtime_ns)
    os.utime(found.name, ns=times, dir_fd=found.folder_fd, follow_symlinks=False)


def _copy(good: Found, fd: int) -> int:
    source = os.open(good.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=good.folder_fd)
    try:
        offset = 0
        while block := os.pread(source, _BLOCK_BYTES, offset):
            try:
                there = os.pread(fd, len(block), offset)
            except OSError:
                # Whole pages: to write a part of one, the filesystem would first read what it can't.
                there, padded = b"", block.ljust(_BLOCK_BYTES, b"\0")
            else:
                padded = block
            if there != block:
                _write_all(fd, padded, offset)
            offset += len(block)
        return offset
    finally:
        os.close(source)


def _write_all(fd: int, block: bytes, offset: int) -> None:
    while block:
        written = os.pwrite(fd, block, offset)
        block, offset = block[written:], offset + written


def _make(name: str, folder_fd: int, entry: Entry, good: Found | None, *, link: bool) -> None:
    if entry.type == "dir":
        return os.mkdir(name, 0o700, dir_fd=folder_fd)
    if entry.type == "symlink":
        return os.symlink(entry.target or b"", os.fsencode(name), dir_fd=folder_fd)
    assert good is not None
    if link:
        return os.link(good.name, name, src_dir_fd=good.folder_fd, dst_dir_fd=folder_fd, follow_symlinks=False)
    fd = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=folder_fd)
    try:
        _copy(good, fd)
        return os.fsync(fd)
    finally:
        os.close(fd)


@contextmanager
def _writable(found: Found) -> Iterator[int]:
    """Open a file to be written in place, its permissions in the way or not; its mode and owner stay as they are."""
    before = found.status
    mode = stat.S_IMODE(before.st_mode)
    locked_up = os.geteuid() != 0 and not mode & stat.S_IWUSR
    if locked_up:
        os.chmod(found.name, mode | stat.S_IRUSR | stat.S_IWUSR, dir_fd=found.folder_fd)
    fd = os.open(found.name, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=found.folder_fd)
    try:
        if (os.fstat(fd).st_dev, os.fstat(fd).st_ino) != found.inode:
            raise FileNotFoundError(None, "another file has come in its place", found.name)
        yield fd
    finally:
        os.fchmod(fd, mode)
        os.close(fd)


@contextmanager
def _open_to_write(folder: Found) -> Iterator[int]:
    """Open a folder to make a name in it; its mode and its times are as before afterwards."""
    mode = stat.S_IMODE(folder.status.st_mode)
    locked_up = os.geteuid() != 0 and mode & stat.S_IRWXU != stat.S_IRWXU
    if locked_up:
        os.chmod(folder.name, stat.S_IRWXU, dir_fd=folder.folder_fd)
    fd = os.open(folder.name, _FOLDER, dir_fd=folder.folder_fd)
    try:
        yield fd
    finally:
        if locked_up:
            os.fchmod(fd, mode)
        os.utime(fd, ns=(folder.status.st_atime_ns, folder.status.st_mtime_ns))
        os.close(fd)
