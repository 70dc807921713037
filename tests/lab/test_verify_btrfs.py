"""Verify and heal where snapshots are subvolumes: their files share blocks, not inodes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from backupjump.config.models import StoreKind
from backupjump.operations.verify.heal import heal
from backupjump.operations.verify.part import outcomes_of, verify_part
from backupjump.store.marker import read_marker
from backupjump.store.marks import read_marks
from backupjump.store.snapshots import list_snapshots
from backupjump.store.verify.differences import Rules
from backupjump.store.verify.extent import look_at
from backupjump.store.verify.tree import Looker
from btrfs_world import in_tree, pull
from fingerprint import fingerprint
from lab.filesystems import Disk, disk
from rsync_world import remote_shell
from store_world import AT, MARKER, make_store, write
from verify_world import flip_in_image

pytestmark = [pytest.mark.lab, pytest.mark.needs_root]


@pytest.fixture
def btrfs(tmp_path: Path) -> Iterator[Disk]:
    with disk("btrfs", tmp_path / "disk", options=("-d", "single", "-m", "dup")) as made:
        yield made


def test_what_two_subvolumes_share_is_named_and_healed_in_both(btrfs: Disk, tmp_path: Path) -> None:
    home = tmp_path / "home"
    write(home / "file", b"shared" * 1000)
    write(home / "own", b"1")
    folder = make_store(btrfs.folder / "store", kind=StoreKind.BTRFS)
    shell = remote_shell(tmp_path)
    pull(folder, shell, home)
    write(home / "own", b"22")
    pull(folder, shell, home)
    ids = tuple(snapshot.id for snapshot in list_snapshots(folder))
    before = [fingerprint(snapshot.tree) for snapshot in list_snapshots(folder)]
    flip(btrfs, b"shared" * 100)
    for run in range(50):
        verify_part(folder, read_marker(folder.store), now=AT + timedelta(days=run))
    marks = read_marks(folder)

    snapshots, looker = list_snapshots(folder), Looker(Rules.of(MARKER))
    seen = look_at(snapshots[-1:], looker, newest=snapshots[-1])
    found = [each.damage for each in outcomes_of(seen, snapshots, looker.rules)]
    good = tmp_path / "good" / home.relative_to("/")
    shutil.copytree(home, good)
    outcomes = heal(found, snapshots, looker.rules, fetch=lambda _paths: tmp_path / "good")

    assert sorted(each.snapshots for each in found) == [(id_,) for id_ in ids]
    assert marks.damage == dict.fromkeys(ids, 1)
    assert [each.healed for each in outcomes] == [True, True], outcomes
    btrfs.remount()
    assert [fingerprint(snapshot.tree) for snapshot in list_snapshots(folder)] == before
    with pytest.raises(OSError, match="Read-only"):
        in_tree(list_snapshots(folder)[0].tree, home / "own").write_bytes(b"no")


def test_the_next_run_brings_anew_what_can_t_be_read_in_its_base(btrfs: Disk, tmp_path: Path) -> None:
    home = tmp_path / "home"
    write(home / "file", b"shared" * 1000)
    write(home / "other", b"o" * 9000)
    folder = make_store(btrfs.folder / "store", kind=StoreKind.BTRFS)
    shell = remote_shell(tmp_path)
    pull(folder, shell, home)
    flip(btrfs, b"shared" * 100)

    second = pull(folder, shell, home, compare_content=True).snapshot

    assert fingerprint(in_tree(second.tree, home)) == fingerprint(home)


def flip(made: Disk, content: bytes) -> None:
    """Flip a bit of each copy of `content` on the disk, which is unmounted for it."""
    made.unmount()
    flip_in_image(made.image, content)
    made.mount()
