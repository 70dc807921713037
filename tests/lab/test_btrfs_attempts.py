"""An attempt that broke off in a store of subvolumes: the next one goes on in it, and no snapshot knows of it."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from backupjump.config.models import StoreKind
from backupjump.errors import LinkLost, StoreError
from backupjump.rsync.plan import Plan
from backupjump.rsync.progress import Progress
from backupjump.rsync.pulled import Pulled
from backupjump.rsync.transfer import transfer
from backupjump.store import subvolume
from backupjump.store.layout import JobFolder
from backupjump.store.manifest import read_manifest
from btrfs_world import in_tree, pull
from fingerprint import fingerprint
from lab.filesystems import Disk, disk
from rsync_world import remote_shell
from store_world import make_store, write

pytestmark = [pytest.mark.lab, pytest.mark.needs_root]

MEGABYTE = 1_000_000


class Killed(BaseException):
    """Stands for the end of everything: nobody tidies up after it."""


@pytest.fixture(scope="module")
def btrfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disk]:
    with disk("btrfs", tmp_path_factory.mktemp("btrfs") / "disk", mebibytes=1024) as made:
        yield made


@pytest.fixture
def folder(btrfs: Disk, tmp_path: Path) -> JobFolder:
    return make_store(btrfs.folder / tmp_path.name, kind=StoreKind.BTRFS)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    write(home / "notes")
    write(home / "large", os.urandom(40 * MEGABYTE))
    write(home / "a", b"first " * 1000)
    (home / "b").hardlink_to(home / "a")
    return home


@pytest.fixture
def shell(tmp_path: Path) -> tuple[str, ...]:
    return remote_shell(tmp_path)


def cut_after(count: int, ending: Callable[[], BaseException]) -> Callable[[Plan], Pulled]:
    """Return a transfer that ends after `count` bytes of files."""

    def look(progress: Progress) -> None:
        if progress.bytes_done > count:
            raise ending()

    return lambda plan: transfer(plan, on_progress=look)


def lost() -> BaseException:
    return LinkLost("the link broke")


@pytest.mark.parametrize("ending", [lost, Killed])
def test_a_large_file_that_was_cut_is_gone_on_with_and_nothing_is_sent_twice(
    folder: JobFolder, home: Path, shell: tuple[str, ...], ending: Callable[[], BaseException]
) -> None:
    first = pull(folder, shell, home).snapshot
    before = fingerprint(first.path)
    write(home / "large", os.urandom(40 * MEGABYTE), mtime=5)

    with pytest.raises(type(ending())):
        pull(folder, shell, home, by=cut_after(24 * MEGABYTE, ending), bwlimit=40 * MEGABYTE)
    second = pull(folder, shell, home)

    assert second.run.bytes_received < 18 * MEGABYTE
    assert fingerprint(first.path) == before
    assert fingerprint(in_tree(second.snapshot.tree, home)) == fingerprint(home)
    assert list(folder.work.iterdir()) == []


def test_the_first_snapshot_goes_on_where_it_was_cut_too(folder: JobFolder, home: Path, shell: tuple[str, ...]) -> None:
    with pytest.raises(LinkLost):
        pull(folder, shell, home, by=cut_after(24 * MEGABYTE, lost), bwlimit=40 * MEGABYTE)

    first = pull(folder, shell, home)

    assert first.run.bytes_received < 18 * MEGABYTE
    assert fingerprint(in_tree(first.snapshot.tree, home)) == fingerprint(home)


def test_what_is_excluded_meanwhile_is_not_in_what_comes_of_it(
    folder: JobFolder, home: Path, shell: tuple[str, ...]
) -> None:
    pull(folder, shell, home)
    write(home / "large", os.urandom(40 * MEGABYTE), mtime=5)
    with pytest.raises(LinkLost):
        pull(folder, shell, home, by=cut_after(24 * MEGABYTE, lost), bwlimit=40 * MEGABYTE)

    second = pull(folder, shell, home, exclude=("large",))

    assert sorted(path.name for path in in_tree(second.snapshot.tree, home).iterdir()) == ["a", "b", "notes"]


def arrived_then(ending: Callable[[], BaseException], meanwhile: Callable[[Plan], object]) -> Callable[[Plan], Pulled]:
    """Return a transfer that brings everything, after which something happens and all ends."""

    def by(plan: Plan) -> Pulled:
        transfer(plan)
        meanwhile(plan)
        raise ending()

    return by


def test_what_a_killed_attempt_seems_to_have_is_compared_by_content(
    folder: JobFolder, home: Path, shell: tuple[str, ...]
) -> None:
    pull(folder, shell, home)
    write(home / "notes", b"right " * 1000, mtime=5)

    def lose_content(plan: Plan) -> None:
        write(plan.transfers[0].target / "notes", b"wrong " * 1000, mtime=5)

    with pytest.raises(Killed):
        pull(folder, shell, home, by=arrived_then(Killed, lose_content))
    second = pull(folder, shell, home)

    assert fingerprint(in_tree(second.snapshot.tree, home)) == fingerprint(home)


@pytest.mark.parametrize("broken_off", ["killed", "link lost"])
def test_what_an_attempt_got_in_part_and_nobody_can_confirm_is_not_published(
    folder: JobFolder, home: Path, shell: tuple[str, ...], broken_off: str
) -> None:
    write(home / "deep/file", b"first")
    before = fingerprint(pull(folder, shell, home).snapshot.path)
    write(home / "deep/file", b"right", mtime=5)

    def cut(plan: Plan) -> None:
        # Only what is whole gets its own time; a killed attempt may have lost content even so.
        mtime = 5 if broken_off == "killed" else int(time.time()) + 1
        write(plan.transfers[0].target / "deep/file", b"wrong", mtime=mtime)

    with pytest.raises((Killed, LinkLost)):
        pull(folder, shell, home, by=arrived_then(Killed if broken_off == "killed" else lost, cut))
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", home / "deep"], check=True)
    try:
        second = pull(folder, shell, home).snapshot
    finally:
        subprocess.run(["umount", home / "deep"], check=True)

    assert not (in_tree(second.tree, home) / "deep/file").exists()
    assert b"deep/file" not in b" ".join(entry.path for entry in read_manifest(second.manifest))
    assert fingerprint(folder.snapshots / min(path.name for path in folder.snapshots.iterdir())) == before


def test_names_that_an_attempt_joined_are_parted_before_it_goes_on(
    folder: JobFolder, home: Path, shell: tuple[str, ...]
) -> None:
    pull(folder, shell, home)
    with pytest.raises(LinkLost):
        pull(folder, shell, home, by=arrived_then(lost, lambda _plan: None))
    write(home / "new", b"other " * 1000, mtime=5).rename(home / "b")

    second = pull(folder, shell, home)

    assert fingerprint(in_tree(second.snapshot.tree, home)) == fingerprint(home)


def test_a_change_that_an_attempt_brought_and_only_an_xattr_tells_of_is_in_the_manifest(
    folder: JobFolder, home: Path, shell: tuple[str, ...]
) -> None:
    pull(folder, shell, home)
    os.setxattr(home / "notes", "user.note", b"1")
    with pytest.raises(LinkLost):
        pull(folder, shell, home, by=arrived_then(lost, lambda _plan: None))

    second = pull(folder, shell, home)

    name = os.fsencode((home / "notes").relative_to("/"))
    (notes,) = (entry for entry in read_manifest(second.snapshot.manifest) if entry.path == name)
    assert notes.xattrs is not None


def test_an_attempt_that_was_cut_off_right_before_its_publication_is_gone_on_with(
    folder: JobFolder, home: Path, shell: tuple[str, ...]
) -> None:
    first = pull(folder, shell, home).snapshot
    before = fingerprint(first.path)
    write(home / "large", os.urandom(4 * MEGABYTE), mtime=5)
    os.setxattr(home / "notes", "user.note", b"1")
    in_its_place = folder.snapshots / f"{first.id}-2"

    def arrive_and_block(plan: Plan) -> Pulled:
        in_its_place.mkdir()
        return transfer(plan)

    with pytest.raises(StoreError, match="already there"):
        pull(folder, shell, home, by=arrive_and_block)
    in_its_place.rmdir()
    second = pull(folder, shell, home)

    assert second.run.bytes_received < MEGABYTE
    assert fingerprint(first.path) == before
    assert fingerprint(in_tree(second.snapshot.tree, home)) == fingerprint(home)


def test_an_attempt_on_another_base_is_not_gone_on_with(folder: JobFolder, home: Path, shell: tuple[str, ...]) -> None:
    with pytest.raises(LinkLost):
        pull(folder, shell, home, by=arrived_then(lost, lambda _plan: None))
    (broken,) = folder.work.iterdir()
    kept = broken.rename(folder.path / "aside")
    pull(folder, shell, home)
    kept.rename(broken)
    (home / "notes").unlink()

    second = pull(folder, shell, home)

    assert fingerprint(in_tree(second.snapshot.tree, home)) == fingerprint(home)
    assert list(folder.work.iterdir()) == []


def test_a_clock_that_went_back_hides_no_change(folder: JobFolder, home: Path, shell: tuple[str, ...]) -> None:
    pull(folder, shell, home)

    def set_clock_back(plan: Plan) -> None:
        # As if the attempt had begun an hour later than all that it changed.
        (note,) = folder.work.glob("*/run.json")
        assert subvolume.is_subvolume(note.parent / "tree")
        written = note.read_text()
        number = written.partition('"touched_since_ns": ')[2].partition("}")[0]
        later = int(number) + int(timedelta(hours=1).total_seconds()) * 10**9
        note.write_text(written.replace(number, str(later)))

    os.setxattr(home / "notes", "user.note", b"1")
    with pytest.raises(LinkLost):
        pull(folder, shell, home, by=arrived_then(lost, set_clock_back))
    second = pull(folder, shell, home)

    name = os.fsencode((home / "notes").relative_to("/"))
    (notes,) = (entry for entry in read_manifest(second.snapshot.manifest) if entry.path == name)
    assert notes.xattrs is not None
