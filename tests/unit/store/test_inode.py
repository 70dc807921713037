"""What a manifest says of one name, as the Desktop had it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from backupjump.store.inode import FAKE_STAT, digest_xattrs, hash_content, read_entry
from backupjump.store.manifest import Entry
from backupjump.store.tree import walk
from store_world import write


def read(path: Path, *, fake_super: bool) -> Entry:
    return next(read_entry(found, fake_super=fake_super) for found in walk(path.parent) if found.name == path.name)


@pytest.mark.parametrize(
    ("fake", "expected"),
    [
        (b"100755 0,0 1234:2345", ("file", 0o755, 1234, 2345, None, None)),
        (b"104711 0,0 0:0", ("file", 0o4711, 0, 0, None, None)),
        (b"120777 0,0 0:0", ("symlink", 0o777, 0, 0, b"content", None)),
        (b"20644 1,3 0:6", ("char", 0o644, 0, 6, None, (1, 3))),
        (b"60660 8,1 0:6", ("block", 0o660, 0, 6, None, (8, 1))),
        (b"10600 0,0 5:5", ("fifo", 0o600, 5, 5, None, None)),
        (b"140600 0,0 5:5", ("socket", 0o600, 5, 5, None, None)),
    ],
)
def test_a_fake_super_store_tells_type_mode_owner_target_and_device(
    tmp_path: Path, fake: bytes, expected: tuple[object, ...]
) -> None:
    path = write(tmp_path / "file")
    os.setxattr(path, FAKE_STAT, fake)

    entry = read(path, fake_super=True)

    assert (entry.type, entry.mode, entry.uid, entry.gid, entry.target, entry.rdev) == expected
    assert entry.xattrs is None


@pytest.mark.parametrize("fake", [b"", b"nonsense", b"0 0,0 0:0", b"-1 0,0 0:0", b"100644 0,0 0:0 more", b"9" * 500])
def test_an_xattr_that_rsync_did_not_write_is_not_believed(tmp_path: Path, fake: bytes) -> None:
    path = write(tmp_path / "file", mode=0o640)
    os.setxattr(path, FAKE_STAT, fake)

    entry = read(path, fake_super=True)

    assert (entry.type, entry.mode, entry.uid) == ("file", 0o640, os.geteuid())


def test_elsewhere_that_xattr_is_one_like_any_other(tmp_path: Path) -> None:
    path = write(tmp_path / "file", mode=0o640)
    os.setxattr(path, FAKE_STAT, b"120777 0,0 0:0")

    entry = read(path, fake_super=False)

    assert (entry.type, entry.mode) == ("file", 0o640)
    assert entry.xattrs is not None


def test_every_kind_of_name_is_told_apart(tmp_path: Path) -> None:
    write(tmp_path / "file", mode=0o4755)
    (tmp_path / "symlink").symlink_to(os.fsdecode(b"nowhere\xff\n"))
    os.mkfifo(tmp_path / "fifo", 0o600)
    (tmp_path / "dir").mkdir(mode=0o750)

    found = {name: read(tmp_path / name, fake_super=False) for name in ("file", "symlink", "fifo", "dir")}

    assert {name: entry.type for name, entry in found.items()} == {name: name for name in found}
    assert (found["file"].mode, found["file"].size, found["file"].mtime_ns) == (0o4755, 7, 1_700_000_000 * 10**9)
    assert found["symlink"].target == b"nowhere\xff\n"
    assert found["dir"].size == 0


def test_a_link_is_never_hashed_through(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(write(tmp_path / "secret"))

    for found in walk(tmp_path):
        if found.name == "link":
            with pytest.raises(OSError, match="symbolic links"):
                hash_content(found)


def test_attributes_have_one_digest_whatever_their_order_and_no_two_sets_share_one() -> None:
    one = digest_xattrs({"user.a": b"1", "user.b": b"2"})

    assert one == digest_xattrs({"user.b": b"2", "user.a": b"1"})
    assert digest_xattrs({}) is None
    others = ({"user.a": b"12"}, {"user.a1": b"2"}, {"user.a": b"1"}, {"user.a": b"1\0user.b\0002"})
    assert len({one, *map(digest_xattrs, others)}) == 5
