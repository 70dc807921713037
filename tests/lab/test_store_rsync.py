"""The store with a real rsync: what it writes, what it links, and what it must never change."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from backupjump.config.models import PARTIAL_FOLDER, Ownership
from backupjump.process import run, spawn
from backupjump.store.layout import JobFolder
from backupjump.store.manifest import Entry, read_manifest
from backupjump.store.publish import Published
from backupjump.store.staging import Staging
from fingerprint import fingerprint
from program import until
from store_world import attempt, make_store, rsync_from, take, write

pytestmark = pytest.mark.lab

ODD_NAMES = (b"new\nline", b"\x1b[31mred", "\u202egpj.exe".encode(), b"\xff\xfe", b"n" * 255, b"-rf", b" ", b"a\\#012b")


def make_home(home: Path) -> None:
    for name in ("content", "time", "mode", "xattr", "gone", "same"):
        write(home / name, name.encode() * 1000)
    write(home / "read-only", mode=0o400)
    write(home / "deep" / "file")
    (home / "again").hardlink_to(home / "same")
    (home / "link").symlink_to("same")
    (home / "retargeted").symlink_to("same")
    os.mkfifo(home / "fifo", 0o600)
    for path in [*home.rglob("*"), home]:
        os.utime(path, (1_600_000_000, 1_600_000_000), follow_symlinks=False)


def rewrite(home: Path) -> None:
    write(home / "content", b"something else")


def retarget(home: Path) -> None:
    (home / "retargeted").unlink()
    (home / "retargeted").symlink_to("content")


MUTATIONS: dict[str, Callable[[Path], object]] = {
    "content": rewrite,
    "mtime only": lambda home: os.utime(home / "time", (5, 5)),
    "mode": lambda home: (home / "mode").chmod(0o600),
    "mode of a fifo": lambda home: (home / "fifo").chmod(0o666),
    "xattr": lambda home: os.setxattr(home / "xattr", "user.note", b"1"),
    "mtime of a symlink": lambda home: os.utime(home / "link", (5, 5), follow_symlinks=False),
    "target of a symlink": retarget,
    "a read-only file goes": lambda home: (home / "read-only").unlink(),
    "a file goes": lambda home: (home / "gone").unlink(),
    "a hard link is broken": lambda home: [(home / "again").unlink(), write(home / "again", b"own now")],
    "mode of a folder": lambda home: (home / "deep").chmod(0o700),
}


@pytest.fixture
def folder(tmp_path: Path) -> JobFolder:
    return make_store(tmp_path / "store", ownership=Ownership.NATIVE if os.geteuid() == 0 else Ownership.PLAIN)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home" / "me"
    make_home(home)
    return home


def pull(folder: JobFolder, home: Path, *more: str) -> Published:
    return take(folder, rsync_from(home, *more), sources=(str(home),))


def entries(published: Published) -> dict[bytes, Entry]:
    return {entry.path: entry for entry in read_manifest(published.snapshot.manifest)}


@pytest.mark.parametrize("change", MUTATIONS.values(), ids=MUTATIONS)
def test_no_change_at_the_source_alters_a_snapshot_even_by_way_of_a_broken_attempt(
    folder: JobFolder, home: Path, change: Callable[[Path], object]
) -> None:
    first = pull(folder, home).snapshot
    before = fingerprint(first.path)
    attempt(folder, rsync_from(home), sources=(str(home),))
    change(home)
    attempt(folder, rsync_from(home), sources=(str(home),))

    second = pull(folder, home).snapshot

    assert fingerprint(first.path) == before
    assert fingerprint(second.tree / home.relative_to("/")) == fingerprint(home)


@pytest.mark.needs_root
def test_a_change_of_owner_alters_no_snapshot(folder: JobFolder, home: Path) -> None:
    first = pull(folder, home).snapshot
    before = fingerprint(first.path)
    for name in ("content", "link", "fifo", "deep"):
        os.chown(home / name, 1234, 1234, follow_symlinks=False)

    second = pull(folder, home).snapshot

    assert fingerprint(first.path) == before
    assert fingerprint(second.tree / home.relative_to("/")) == fingerprint(home)


def test_what_did_not_change_is_linked_and_takes_no_room(folder: JobFolder, home: Path) -> None:
    first = pull(folder, home)

    second = pull(folder, home)

    assert (second.counts.files_linked, second.counts.bytes_new) == (second.counts.files_total, 0)
    names = [path for path in home.rglob("*") if not path.is_dir() or path.is_symlink()]
    inodes = [
        {(each.snapshot.tree / name.relative_to("/")).lstat().st_ino for each in (first, second)} for name in names
    ]
    assert all(len(pair) == 1 for pair in inodes)


def test_names_that_bite_are_stored_and_listed_byte_for_byte(folder: JobFolder, tmp_path: Path) -> None:
    home = tmp_path / "odd"
    for name in ODD_NAMES:
        write(home / os.fsdecode(name))

    published = pull(folder, home)

    top = os.fsencode(home.relative_to("/"))
    assert set(entries(published)) == {top} | {top + b"/" + name for name in ODD_NAMES}
    assert fingerprint(published.snapshot.tree / home.relative_to("/")).keys() == fingerprint(home).keys()


def test_our_hash_of_a_file_is_the_one_that_rsync_tells(folder: JobFolder, home: Path) -> None:
    published = pull(folder, home)
    copy = home.parent / "copy"

    done = run(["rsync", "-a", "--checksum-choice=xxh128", "--out-format=%C %n", f"{home}/", f"{copy}/"], timeout=60)

    told = dict(reversed(line.split(b" ", 1)) for line in done.stdout.splitlines())
    found = entries(published)
    top = os.fsencode(home.relative_to("/"))
    for name in (b"content", b"deep/file", b"read-only"):
        assert found[top + b"/" + name].hash == f"xxh128:{told[name].decode()}"


def literal_bytes(home: Path, statistics: list[int]) -> Callable[[Staging], None]:
    """Return what copies `home` as a pull does and notes how much of it had to be sent."""

    def fill(staging: Staging) -> None:
        argv = ["rsync", "-aHAX", "--modify-window=-1", "--no-whole-file", f"--partial-dir={PARTIAL_FOLDER}", "--stats"]
        done = run([*argv, f"{home}/", f"{staging.tree / home.relative_to('/')}/"], timeout=60)
        (line,) = (line for line in done.stdout.splitlines() if line.startswith(b"Literal data:"))
        statistics.append(int(line.split()[2].replace(b",", b"")))

    return fill


def test_a_half_written_file_is_gone_on_with_in_the_next_attempt(folder: JobFolder, home: Path) -> None:
    large = write(home / "large", os.urandom(4_000_000))
    half = large.read_bytes()[:3_000_000]
    place = home.relative_to("/") / PARTIAL_FOLDER / "large"
    attempt(folder, lambda staging: write(staging.tree / place, half, mode=0o600), sources=(str(home),))
    sent: list[int] = []

    published = take(folder, literal_bytes(home, sent), sources=(str(home),))

    assert sent[0] < 1_200_000
    assert fingerprint(published.snapshot.tree / home.relative_to("/")) == fingerprint(home)


def test_a_file_that_a_killed_rsync_was_writing_is_gone_on_with_too(folder: JobFolder, home: Path) -> None:
    write(home / "large", os.urandom(8_000_000))

    def fill_until_killed(staging: Staging) -> None:
        target = staging.tree / home.relative_to("/")
        argv = ["rsync", "-aHAX", "--bwlimit=4000", f"--partial-dir={PARTIAL_FOLDER}", f"{home}/", f"{target}/"]
        with spawn(argv) as rsync:
            until(lambda: any(path.stat().st_size > 3_000_000 for path in target.glob(".large.??????")))
            os.killpg(rsync.pid, signal.SIGKILL)
            rsync.wait(10)

    attempt(folder, fill_until_killed, sources=(str(home),))
    sent: list[int] = []

    published = take(folder, literal_bytes(home, sent), sources=(str(home),))

    assert sent[0] < 5_500_000
    assert fingerprint(published.snapshot.tree / home.relative_to("/")) == fingerprint(home)


def test_a_fake_super_store_lists_what_a_native_one_lists(tmp_path: Path, home: Path) -> None:
    native = make_store(tmp_path / "native", ownership=Ownership.NATIVE)
    fake = make_store(tmp_path / "fake", ownership=Ownership.FAKE_SUPER)
    if os.geteuid() == 0:
        os.chown(home / "content", 1234, 4321)
        os.lchown(home / "link", 1234, 4321)
        (home / "mode").chmod(0o4755)
        os.mknod(home / "device", 0o020640, os.makedev(1, 3))

    published = [pull(native, home), pull(fake, home, "--fake-super"), pull(fake, home, "--fake-super")]

    listed = [[replace(entry, ino=0) for entry in read_manifest(each.snapshot.manifest)] for each in published]
    assert listed[1] == listed[0]
    assert listed[2] == listed[0]
    assert published[2].counts.files_linked == published[0].counts.files_total
