"""How much room there is in a store's filesystem, and whether what is to come fits. Pure but for `room_of`."""

from __future__ import annotations

import os
from dataclasses import dataclass

# Less than this is no room for the folders and the manifest of even an unchanged run.
MIN_FREE_BYTES = 16 << 20
MIN_FREE_INODES = 200
# A manifest is written when all has arrived, and has grown a little since the last one.
_MANIFEST_GROWTH = 1.2


@dataclass(frozen=True, kw_only=True)
class Room:
    """What is free, to us. `inodes` is None where a filesystem has no fixed number of them; `block` is in bytes."""

    free_bytes: int
    inodes: int | None
    block: int


@dataclass(frozen=True, kw_only=True)
class Need:
    """How many bytes and inodes something takes, or how many must stay free."""

    bytes: int = 0
    inodes: int = 0

    def __add__(self, other: Need) -> Need:
        """Return what both take together."""
        return Need(bytes=self.bytes + other.bytes, inodes=self.inodes + other.inodes)

    def beyond(self, room: Room) -> Need:
        """Return what of it does not fit."""
        inodes = 0 if room.inodes is None else max(0, self.inodes - room.inodes)
        return Need(bytes=max(0, self.bytes - room.free_bytes), inodes=inodes)

    def __bool__(self) -> bool:
        """Whether it is anything at all."""
        return bool(self.bytes or self.inodes)


FLOOR = Need(bytes=MIN_FREE_BYTES, inodes=MIN_FREE_INODES)


def floor_with(manifest_bytes: int) -> Need:
    """Return what must stay free while data arrives: the floor, and the room for a manifest like the last one."""
    return FLOOR + Need(bytes=round(_MANIFEST_GROWTH * manifest_bytes))


def room_of(store_fd: int) -> Room:
    """Return the room in the filesystem of an open folder."""
    found = os.fstatvfs(store_fd)
    # btrfs says 0 of 0 inodes.
    inodes = found.f_favail if found.f_files else None
    return Room(free_bytes=found.f_bavail * found.f_frsize, inodes=inodes, block=found.f_frsize)
