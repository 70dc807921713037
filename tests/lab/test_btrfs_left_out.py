"""What rsync can't bring is not in a snapshot of a store of subvolumes either, though its base has it."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from backupjump.config.models import StoreKind
from backupjump.errors import SourceMissing
from backupjump.store.layout import JobFolder
from backupjump.store.manifest import read_manifest
from backupjump.store.publish import Published
from btrfs_world import in_tree, pull
from fingerprint import fingerprint
from lab.filesystems import Disk, disk
from rsync_world import OBEYING_MODES, ODD_NAMES, remote_shell
from store_world import make_store, write

pytestmark = [pytest.mark.lab, pytest.mark.needs_root]


@pytest.fixture(scope="module")
def btrfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disk]:
    with disk("btrfs", tmp_path_factory.mktemp("btrfs") / "disk", mebibytes=512) as made:
        yield made


@pytest.fixture
def folder(btrfs: Disk, tmp_path: Path) -> JobFolder:
    return make_store(btrfs.folder / tmp_path.name, kind=StoreKind.BTRFS)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    for name in ("kept", "gone", "secret", "deep/file", "closed/file"):
        write(home / name, name.encode() * 100)
    return home


@pytest.fixture
def shell(tmp_path: Path) -> tuple[str, ...]:
    """A remote shell for which modes count, also where this is root."""
    return remote_shell(tmp_path, OBEYING_MODES)


def names_below(published: Published, home: Path) -> set[str]:
    return names_below_tree(published.snapshot.tree, home)


def names_below_tree(snapshot_tree: Path, home: Path) -> set[str]:
    tree = in_tree(snapshot_tree, home)
    return {str(path.relative_to(tree)) for path in tree.rglob("*") if not path.is_dir()}


def listed_below(published: Published, home: Path) -> set[str]:
    top = os.fsencode(home.relative_to("/")) + b"/"
    entries = (entry for entry in read_manifest(published.snapshot.manifest) if entry.type != "dir")
    return {os.fsdecode(entry.path.removeprefix(top)) for entry in entries}


def test_one_file_that_is_unreadable_does_not_keep_what_was_deleted(
    folder: JobFolder, home: Path, shell: tuple[str, ...]
) -> None:
    first = pull(folder, shell, home).snapshot
    before = fingerprint(first.path)
    write(home / "secret", b"changed", mode=0o000)
    (home / "gone").unlink()

    second = pull(folder, shell, home)

    assert second.run.status == "warning"
    assert names_below(second, home) == listed_below(second, home) == {"kept", "deep/file", "closed/file"}
    assert fingerprint(first.path) == before


def test_a_file_that_is_unreadable_but_did_not_change_stays_as_it_does_with_hard_links(
    folder: JobFolder, home: Path, shell: tuple[str, ...]
) -> None:
    pull(folder, shell, home)
    (home / "secret").chmod(0o000)

    second = pull(folder, shell, home)

    assert second.run.status == "ok"
    assert "secret" in names_below(second, home)


def test_what_is_in_a_folder_that_can_not_be_read_is_not_there(
    folder: JobFolder, home: Path, shell: tuple[str, ...]
) -> None:
    pull(folder, shell, home)
    (home / "closed").chmod(0o000)

    second = pull(folder, shell, home)

    assert second.run.status == "warning"
    assert names_below(second, home) == {"kept", "gone", "secret", "deep/file"}


def test_names_that_bite_are_taken_out_too(folder: JobFolder, home: Path, shell: tuple[str, ...]) -> None:
    names = [os.fsdecode(name) for name in ODD_NAMES][:10]
    for name in names:
        write(home / name)
    pull(folder, shell, home)
    for name in names:
        write(home / name, b"another", mode=0o000, mtime=5)

    second = pull(folder, shell, home)

    assert names_below(second, home) == {"kept", "gone", "secret", "deep/file", "closed/file"}


def test_a_file_that_grew_over_the_limit_is_left_out_and_not_kept_as_it_was(
    folder: JobFolder, home: Path, shell: tuple[str, ...]
) -> None:
    pull(folder, shell, home)
    write(home / "secret", b"x" * 5000)

    second = pull(folder, shell, home, max_size=4000)

    assert "secret" not in names_below(second, home)


def test_what_lies_below_a_place_where_another_filesystem_is_mounted_by_now_stays(
    folder: JobFolder, home: Path, shell: tuple[str, ...]
) -> None:
    first = pull(folder, shell, home).snapshot
    before = fingerprint(first.path)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", home / "deep"], check=True)
    try:
        write(home / "deep" / "elsewhere")
        second = pull(folder, shell, home)
    finally:
        subprocess.run(["umount", home / "deep"], check=True)

    assert names_below(second, home) == listed_below(second, home) == names_below_tree(first.tree, home)
    assert fingerprint(first.path) == before


def test_a_source_that_can_not_be_read_publishes_nothing_and_nothing_has_to_be_sent_again(
    folder: JobFolder, home: Path, shell: tuple[str, ...]
) -> None:
    write(home / "large", os.urandom(1_000_000))
    first = pull(folder, shell, home).snapshot
    before = fingerprint(first.path)
    home.chmod(0o000)

    with pytest.raises(SourceMissing):
        pull(folder, shell, home)
    home.chmod(0o755)
    second = pull(folder, shell, home)

    assert second.run.bytes_received < 100_000
    assert fingerprint(first.path) == before
    assert fingerprint(in_tree(second.snapshot.tree, home)) == fingerprint(home)


def test_a_file_that_is_cut_short_over_and_over_while_it_is_read_is_not_published_torn(
    folder: JobFolder, home: Path, shell: tuple[str, ...]
) -> None:
    large = write(home / "large", os.urandom(30_000_000))
    first = pull(folder, shell, home).snapshot
    before = fingerprint(first.path)
    over = threading.Event()

    def rewrite() -> None:
        while not over.wait(0.005):
            with large.open("r+b") as file:
                file.truncate(1_000_000)
                file.truncate(30_000_000)
                os.pwrite(file.fileno(), os.urandom(4096), 29_000_000)

    writer = threading.Thread(target=rewrite)
    writer.start()
    try:
        second = pull(folder, shell, home)
    finally:
        over.set()
        writer.join()
    third = pull(folder, shell, home)

    hashes = {entry.path: entry.hash for entry in read_manifest(second.snapshot.manifest)}
    name = os.fsencode((home / "large").relative_to("/"))
    assert (second.run.status == "warning") == (name not in hashes)
    assert fingerprint(first.path) == before
    assert fingerprint(in_tree(third.snapshot.tree, home)) == fingerprint(home)


def test_a_file_of_several_names_that_is_unreadable_does_not_stop_rsync_for_ever(
    folder: JobFolder, home: Path, shell: tuple[str, ...]
) -> None:
    (home / "again").hardlink_to(home / "secret")
    pull(folder, shell, home)
    write(home / "secret", b"changed" * 1000, mode=0o000, mtime=5)
    (home / "gone").unlink()

    second = pull(folder, shell, home)

    assert second.run.status == "warning"
    assert "gone" not in names_below(second, home)
