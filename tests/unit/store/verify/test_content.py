"""Reading what the disk has, by a path that a snapshot's tree may have bent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from backupjump.store.verify.content import can_check, cold_hash, found_at


@pytest.mark.parametrize(
    ("like", "hash_"),
    [
        ("xxh128:", "xxh128:06b05ab6733a618578af5f94892f3950"),
        ("md5:", "md5:900150983cd24fb0d6963f7d28e17f72"),
    ],
)
def test_a_hash_is_made_by_the_algorithm_that_the_manifest_names(tmp_path: Path, like: str, hash_: str) -> None:
    (tmp_path / "file").write_bytes(b"abc")

    with found_at(tmp_path, b"file") as found:
        assert found is not None
        assert cold_hash(found, like) == hash_


def test_an_unknown_algorithm_can_t_be_checked() -> None:
    assert can_check("md5:ab")
    assert not can_check("crc32:ab")
    assert not can_check(None)


def test_no_link_on_the_way_is_followed(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/file").write_bytes(b"abc")
    tree = tmp_path / "tree"
    (tree / "folder").mkdir(parents=True)
    (tree / "folder/file").write_bytes(b"abc")
    (tree / "link").symlink_to(tmp_path / "outside")
    open_before = len(list(Path("/proc/self/fd").iterdir()))

    for path, there in ((b"folder/file", True), (b"link/file", False), (b"link", True), (b"folder/file/x", False)):
        with found_at(tree, path) as found:
            assert (found is not None) == there, path
    with found_at(tree, b"") as found:
        assert found is not None
        assert found.is_folder
    with found_at(tree, b"gone/" + os.fsencode("ü")) as found:
        assert found is None

    assert len(list(Path("/proc/self/fd").iterdir())) == open_before
