"""The open store: checked before a run, and held so that one sync can vouch for all that was written."""

from __future__ import annotations

import ctypes
import os
import threading
import time
from contextlib import suppress
from pathlib import Path

from backupjump.errors import NoStore, StoreError, StoreFull
from backupjump.store.failures import store_error
from backupjump.store.marker import Marker, read_marker
from backupjump.store.room import FLOOR, Need, Room, room_of

_libc = ctypes.CDLL(None, use_errno=True)


class Store:
    """A store that may be written to. `with` closes it."""

    def __init__(self, path: Path, marker: Marker, fd: int) -> None:
        self.path = path
        self.marker = marker
        self._fd = fd
        self._writing: threading.Thread | None = None
        self._wrote_at = time.monotonic()

    def write_out(self, *, every_seconds: float = 0.0) -> None:
        """Begin to bring to the disk what has been written so far, and return at once; `sync` tells how that went.

        Not while that is under way already, nor if it began, or the store was opened, less than `every_seconds` ago.
        """
        now = time.monotonic()
        if now - self._wrote_at < every_seconds or (self._writing is not None and self._writing.is_alive()):
            return
        self._wrote_at = now
        self._writing = threading.Thread(target=_write_out, args=(self.path,), name="write out", daemon=True)
        self._writing.start()

    def sync(self) -> None:
        """Bring all that was written to the disk; StoreError when any of it failed since the store was opened.

        A write error is told once to each descriptor that was open before it happened, so this is
        decisive the first time only. Source: syncfs(2), and measured; os.sync() tells nothing.
        """
        if _libc.syncfs(self._fd) != 0:
            number = ctypes.get_errno()
            error = OSError(number, os.strerror(number), str(self.path))
            raise store_error("the store did not take what was written, so nothing is published", error)

    @property
    def room(self) -> Room:
        """What is free in its filesystem now."""
        return room_of(self._fd)

    def check_room(self) -> None:
        """Raise StoreFull, with numbers, when there is hardly a byte or an inode left to begin with."""
        _check_room(self.path, self.room, FLOOR, to="begin")

    def check_floor(self, floor: Need) -> None:
        """Raise StoreFull, with numbers, when less than `floor` is left for the end of a run."""
        _check_room(self.path, self.room, floor, to="end")

    def close(self) -> None:
        """Let go of the store."""
        if self._writing is not None:
            self._writing.join()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_exc_info: object) -> None:
        self.close()


def open_store(path: Path, *, uuid: str | None, kind: str = "auto") -> Store:
    """Open the store at `path` for a run; nothing is written.

    Raises `NoStore` without a marker or with another `uuid`, `StoreError` when it is of another `kind`,
    read-only, not ours to write, damaged, or of a newer format. Whether there is room is another question:
    `check_room`.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NoStore(f"there is no folder {path}", hint="is its disk mounted? then: backupjump store init") from error
    except OSError as error:
        raise store_error("the store can't be opened", error) from error
    try:
        marker = read_marker(path, uuid=uuid)
        _check_kind(path, marker, kind)
        _check_writable(path, fd)
    except StoreError:
        os.close(fd)
        raise
    return Store(path, marker, fd)


def _write_out(path: Path) -> None:
    # By a descriptor of its own: each is told of a write error once, and the store's must be told by `sync`.
    with suppress(OSError):
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            _libc.syncfs(fd)
        finally:
            os.close(fd)


def _check_kind(path: Path, marker: Marker, wanted: str) -> None:
    if wanted not in ("auto", marker.kind.value):
        raise StoreError(
            f"the store {path} is of kind {marker.kind.value} for good, the config says {wanted}",
            hint=f"write store: {{kind: {marker.kind.value}}} or leave it out; another kind needs a new store",
        )


def _check_writable(path: Path, fd: int) -> None:
    if os.fstatvfs(fd).f_flag & os.ST_RDONLY:
        raise StoreError(
            f"the store {path} is on a read-only filesystem",
            hint=f"dmesg may say why; if the disk is sound: mount -o remount,rw {path}",
        )
    if not os.access(path, os.W_OK | os.X_OK, effective_ids=True):
        raise StoreError(
            f"the store {path} can't be written by this user (uid {os.geteuid()})",
            hint="run backupjump as the user that made the store",
        )


def _check_room(path: Path, room: Room, floor: Need, *, to: str) -> None:
    lacking = floor.beyond(room)
    if lacking.bytes:
        raise StoreFull(
            f"the store {path} has {room.free_bytes >> 20} MiB free, a run needs {floor.bytes >> 20} MiB to {to}",
            hint=f"see: df -h {path}",
        )
    if lacking.inodes:
        raise StoreFull(
            f"the store {path} has {room.inodes} inodes free, a run needs {floor.inodes} to {to}",
            hint=f"see: df -i {path}",
        )
