"""A store of subvolumes on a real btrfs: what a snapshot holds is the source's, and no older one ever changes."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from backupjump.config.models import StoreKind
from backupjump.process import run
from backupjump.store import subvolume
from backupjump.store.layout import JobFolder
from backupjump.store.manifest import Entry, read_manifest
from backupjump.store.publish import Published
from backupjump.store.trash import empty_trash, throw_away
from backupjump.store.unshare import unshare
from btrfs_world import in_tree, pull
from fingerprint import fingerprint
from lab.filesystems import Disk, disk
from rsync_world import remote_shell
from store_world import make_store, write

pytestmark = [pytest.mark.lab, pytest.mark.needs_root]


@pytest.fixture(scope="module")
def btrfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disk]:
    with disk("btrfs", tmp_path_factory.mktemp("btrfs") / "disk", mebibytes=1024) as made:
        yield made


@pytest.fixture
def folder(btrfs: Disk, tmp_path: Path) -> JobFolder:
    return make_store(btrfs.folder / tmp_path.name, kind=StoreKind.BTRFS)


@pytest.fixture
def shell(tmp_path: Path) -> tuple[str, ...]:
    return remote_shell(tmp_path)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home" / "me"
    for name in ("content", "time", "mode", "owner", "xattr", "acl", "gone", "same", "moved"):
        write(home / name, name.encode() * 1000)
    write(home / "read-only", mode=0o400)
    write(home / "deep" / "file")
    for name in ("one", "two", "three"):
        write(home / f"join {name}", b"join " * 1000)
    write(home / "split one", b"split " * 1000)
    for name in ("two", "three"):
        (home / f"split {name}").hardlink_to(home / "split one")
    (home / "link").symlink_to("same")
    (home / "retargeted").symlink_to("same")
    (home / "link again").hardlink_to(home / "link")
    os.mkfifo(home / "fifo", 0o600)
    with (home / "sparse").open("wb") as file:
        file.truncate(3_000_000)
        os.pwrite(file.fileno(), b"x" * 5000, 1_000_000)
    for path in [*home.rglob("*"), home]:
        os.utime(path, (1_600_000_000, 1_600_000_000), follow_symlinks=False)
    return home


def replaced(path: Path, content: bytes) -> None:
    """Do as an editor does: a new file takes the name."""
    new = write(path.with_name("new"), content, mtime=5)
    new.rename(path)


def joined(home: Path) -> None:
    for name in ("two", "three"):
        (home / f"join {name}").unlink()
        (home / f"join {name}").hardlink_to(home / "join one")


def retarget(home: Path) -> None:
    (home / "retargeted").unlink()
    (home / "retargeted").symlink_to("content")


def punched(home: Path) -> None:
    with (home / "sparse").open("r+b") as file:
        os.pwrite(file.fileno(), b"y" * 5000, 2_000_000)
        os.pwrite(file.fileno(), b"\0" * 5000, 1_000_000)


MUTATIONS: dict[str, Callable[[Path], object]] = {
    "nothing": lambda _home: None,
    "content": lambda home: write(home / "content", b"something else", mtime=5),
    "content, appended": lambda home: write(home / "content", b"content" * 1001, mtime=5),
    "mtime only": lambda home: os.utime(home / "time", (5, 5)),
    "mode": lambda home: (home / "mode").chmod(0o600),
    "mode of a folder": lambda home: (home / "deep").chmod(0o700),
    "mode of a fifo": lambda home: (home / "fifo").chmod(0o666),
    "owner": lambda home: os.chown(home / "owner", 1234, 4321),
    "owner of a symlink": lambda home: os.lchown(home / "link", 1234, 4321),
    "xattr": lambda home: os.setxattr(home / "xattr", "user.note", b"1"),
    "acl": lambda home: subprocess.run(["setfacl", "-m", "u:1234:r", home / "acl"], check=True),
    "mtime of a symlink": lambda home: os.utime(home / "link", (5, 5), follow_symlinks=False),
    "target of a symlink": retarget,
    "a read-only file goes": lambda home: (home / "read-only").unlink(),
    "a file goes": lambda home: (home / "gone").unlink(),
    "a hard link is split by an editor": lambda home: replaced(home / "split two", b"own now"),
    "files are joined by hard links": joined,
    "a hole moves": punched,
    "a rename": lambda home: (home / "moved").rename(home / "deep" / "moved"),
    "a file becomes a folder": lambda home: [(home / "gone").unlink(), write(home / "gone" / "in it")],
}


def entries(published: Published) -> dict[bytes, Entry]:
    return {entry.path: replace(entry, ino=0) for entry in read_manifest(published.snapshot.manifest)}


@pytest.mark.parametrize("mutate", MUTATIONS.values(), ids=MUTATIONS)
def test_a_new_snapshot_is_as_the_source_and_every_older_one_stays_byte_for_byte(
    folder: JobFolder, home: Path, shell: tuple[str, ...], mutate: Callable[[Path], object]
) -> None:
    first = pull(folder, shell, home).snapshot
    before = [fingerprint(first.path)]
    mutate(home)

    second = pull(folder, shell, home)
    before.append(fingerprint(second.snapshot.path))
    third = pull(folder, shell, home)

    assert [fingerprint(first.path), fingerprint(second.snapshot.path)] == before
    for published in (second, third):
        assert fingerprint(in_tree(published.snapshot.tree, home)) == fingerprint(home)
    # What the manifest carried over from the base is what a reading of everything would have found.
    afresh = pull(make_store(folder.store.with_name("afresh"), kind=StoreKind.BTRFS), shell, home)
    assert entries(second) == entries(third) == entries(afresh)


def test_writing_through_a_name_that_another_file_has_by_now_is_a_hazard_that_rsync_does_not_see(
    btrfs: Disk, tmp_path: Path
) -> None:
    source, tree, naive = tmp_path / "source", btrfs.folder / "tree", btrfs.folder / "naive"
    write(source / "a", b"first " * 1000)
    (source / "b").hardlink_to(source / "a")
    in_place = ["rsync", "-aHAX", "--modify-window=-1", "--inplace", "--no-whole-file", "--delete", f"{source}/"]
    subvolume.create(tree)
    assert run([*in_place, f"{tree}/"], timeout=60).status == 0
    subvolume.snapshot(tree, naive)
    replaced(source / "b", b"other " * 1000)

    unshare(tree)
    done = [run([*in_place, f"{each}/"], timeout=60).status for each in (naive, tree)]

    assert done == [0, 0]
    assert (naive / "a").read_bytes() == b"other " * 1000, "the hazard is gone: rsync has learnt"
    assert fingerprint(tree) == fingerprint(source)


def test_unsharing_changes_nothing_but_which_names_are_one_file(folder: JobFolder, home: Path, btrfs: Disk) -> None:
    tree = btrfs.folder / "unshared"
    subvolume.create(tree)
    os.setxattr(home / "split one", "user.note", b"kept")
    subprocess.run(["setfacl", "-m", "u:1234:r", home / "split one"], check=True)
    subprocess.run(["cp", "-a", f"{home}/.", tree], check=True)
    before = fingerprint(tree)

    unshare(tree)

    after = fingerprint(tree)
    gone = {"link"} - after.keys()  # a symlink can't be copied without its data; rsync makes it again
    assert {name: replace(each, same_file_as=()) for name, each in after.items()} == {
        name: replace(each, same_file_as=()) for name, each in before.items() if name not in gone
    }
    assert all(each.same_file_as == (name,) for name, each in after.items())


def test_an_unchanged_run_links_everything_and_reads_nothing(
    folder: JobFolder, home: Path, shell: tuple[str, ...]
) -> None:
    (home / "link again").unlink()
    first = pull(folder, shell, home)

    second = pull(folder, shell, home)

    assert first.snapshot.has_hard_links
    assert (second.counts.files_linked, second.counts.bytes_new) == (second.counts.files_total, 0)
    assert second.counts.bytes_linked == second.counts.bytes_total


def test_a_source_without_hard_links_is_known_to_have_none(
    folder: JobFolder, shell: tuple[str, ...], home: Path
) -> None:
    for name in ("split two", "split three", "link again"):
        (home / name).unlink()

    assert not pull(folder, shell, home).snapshot.has_hard_links


def test_a_few_blocks_of_a_large_file_cost_a_few_blocks(
    btrfs: Disk, folder: JobFolder, home: Path, shell: tuple[str, ...]
) -> None:
    large = write(home / "large", os.urandom(100_000_000))
    pull(folder, shell, home)
    free = free_bytes(btrfs)
    with large.open("r+b") as file:
        for at in range(10):
            os.pwrite(file.fileno(), os.urandom(4096), at * 9_000_000)

    published = pull(folder, shell, home)

    assert fingerprint(in_tree(published.snapshot.tree, home)) == fingerprint(home)
    assert free - free_bytes(btrfs) < 4_000_000


def test_what_is_no_source_any_more_is_not_in_the_next_snapshot_and_what_stays_is_not_sent_again(
    folder: JobFolder, home: Path, shell: tuple[str, ...]
) -> None:
    write(home / "deep" / "large", os.urandom(1_000_000))
    other = write(home.parent / "other" / "file").parent
    first = pull(folder, shell, home, other).snapshot
    before = fingerprint(first.path)

    narrowed = pull(folder, shell, home / "deep")
    widened = pull(folder, shell, home, other)

    assert narrowed.run.bytes_received < 100_000
    assert fingerprint(first.path) == before
    home_in_tree = in_tree(narrowed.snapshot.tree, home)
    assert [path.name for path in home_in_tree.iterdir()] == ["deep"]
    assert [path.name for path in home_in_tree.parent.iterdir()] == ["me"]
    for source in (home, other):
        assert fingerprint(in_tree(widened.snapshot.tree, source)) == fingerprint(source)


def test_nobody_writes_to_a_snapshot_by_mistake(folder: JobFolder, home: Path, shell: tuple[str, ...]) -> None:
    tree = pull(folder, shell, home).snapshot.tree

    with pytest.raises(OSError, match="Read-only"):
        (tree / "new").touch()


def test_a_prune_deletes_subvolumes_and_the_others_stay_as_they_are(
    folder: JobFolder, home: Path, shell: tuple[str, ...]
) -> None:
    taken = [pull(folder, shell, home).snapshot for _ in range(3)]
    before = fingerprint(taken[2].path)

    throw_away(folder, [each.id for each in taken[:2]])
    empty_trash(folder, wait=True)

    assert list(folder.trash.iterdir()) == []
    assert fingerprint(taken[2].path) == before


def test_who_waits_for_the_trash_has_its_room(
    btrfs: Disk, folder: JobFolder, home: Path, shell: tuple[str, ...]
) -> None:
    write(home / "large", os.urandom(100_000_000))
    taken = pull(folder, shell, home).snapshot
    free = free_bytes(btrfs)

    throw_away(folder, [taken.id])
    empty_trash(folder, wait=True)

    assert free_bytes(btrfs) - free > 90_000_000


def test_a_store_that_was_copied_file_by_file_is_built_on(
    folder: JobFolder, home: Path, shell: tuple[str, ...]
) -> None:
    write(home / "large", os.urandom(1_000_000))
    pull(folder, shell, home)
    copy = JobFolder(folder.store.with_name("copy of " + folder.store.name), folder.desktop, folder.job)
    subprocess.run(["cp", "-a", folder.store, copy.store], check=True)

    published = pull(copy, shell, home)

    assert published.run.bytes_received < 100_000
    assert subvolume.is_subvolume(published.snapshot.tree)
    assert fingerprint(in_tree(published.snapshot.tree, home)) == fingerprint(home)


def free_bytes(btrfs: Disk) -> int:
    os.sync()
    room = os.statvfs(btrfs.folder)
    return room.f_bavail * room.f_frsize
