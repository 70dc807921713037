"""What fits and what is lacking."""

from __future__ import annotations

import pytest

from backupjump.store.room import FLOOR, Need, Room, floor_with

MB = 1_000_000


@pytest.mark.parametrize(
    ("need", "lacking"),
    [
        (Need(), Need()),
        (Need(bytes=100 * MB, inodes=1000), Need()),
        (Need(bytes=101 * MB, inodes=1000), Need(bytes=MB)),
        (Need(bytes=100 * MB, inodes=1007), Need(inodes=7)),
        (Need(bytes=300 * MB, inodes=1001), Need(bytes=200 * MB, inodes=1)),
    ],
)
def test_what_does_not_fit_is_lacking(need: Need, lacking: Need) -> None:
    room = Room(free_bytes=100 * MB, inodes=1000, block=4096)

    assert need.beyond(room) == lacking
    assert bool(need.beyond(room)) == (lacking != Need())


def test_a_filesystem_without_a_fixed_number_of_inodes_never_lacks_any() -> None:
    assert not Need(inodes=10**12).beyond(Room(free_bytes=0, inodes=None, block=4096))


def test_the_floor_leaves_room_for_a_manifest_that_has_grown_by_a_fifth() -> None:
    assert floor_with(100 * MB) == FLOOR + Need(bytes=120 * MB)
    assert Need(bytes=16 << 20, inodes=200) == FLOOR
