"""What is in memory is not what is on the disk: verify and heal on real filesystems, damaged behind their backs."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from backupjump.operations.verify.heal import heal
from backupjump.store.verify.differences import Rules
from fingerprint import fingerprint
from lab.filesystems import disk
from store_world import MARKER
from verify_world import flip_in_image, make_world

pytestmark = [pytest.mark.lab, pytest.mark.needs_root]


def test_what_memory_holds_is_not_taken_for_what_the_disk_holds(tmp_path: Path) -> None:
    with disk("ext4", tmp_path / "disk") as store_disk:
        world = make_world(store_disk.folder)
        file = world.stored("same")
        os.sync()
        assert file.read_bytes() == b"same" * 1000  # from now on it is in memory
        flip_in_image(store_disk.image, b"same" * 100)

        naive = file.read_bytes()
        found = world.damaged()

        assert naive == b"same" * 1000
        assert "same" in found


def test_what_btrfs_can_t_read_is_damage_of_that_path_alone(tmp_path: Path) -> None:
    with disk("btrfs", tmp_path / "disk", options=("-d", "single", "-m", "dup")) as store_disk:
        world = make_world(store_disk.folder)
        store_disk.unmount()
        flip_in_image(store_disk.image, b"same" * 100)
        store_disk.mount()
        with pytest.raises(OSError) as error:
            world.stored("same").read_bytes()
        assert error.value.errno == errno.EIO

        found = world.damaged()

        assert found == {"same": "can't be read: Input/output error"}


def test_what_btrfs_can_t_read_is_healed(tmp_path: Path) -> None:
    with disk("btrfs", tmp_path / "disk", options=("-d", "single", "-m", "dup")) as store_disk:
        world = make_world(store_disk.folder)
        good = tmp_path / "good"
        shutil.copytree(world.snapshots[0].tree, good, symlinks=True)
        before = [fingerprint(snapshot.tree) for snapshot in world.snapshots]
        store_disk.unmount()
        flip_in_image(store_disk.image, b"same" * 100)
        store_disk.mount()

        damages = [each.damage for each in world.verify().outcomes]
        outcomes = heal(damages, world.snapshots, Rules.of(MARKER), fetch=lambda _paths: good)

        assert [(each.damage.kind, each.healed) for each in outcomes] == [("unreadable", True)]
        store_disk.remount()
        assert [fingerprint(snapshot.tree) for snapshot in world.snapshots] == before
