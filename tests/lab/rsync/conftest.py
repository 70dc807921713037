"""A Desktop's folder with every kind of thing in it, and where it is to go."""

import os
from pathlib import Path

import pytest

from rsync_world import ODD_NAMES


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A Desktop's folder with every kind of thing in it."""
    folder = tmp_path / "desktop" / "home" / "me"
    (folder / "odd").mkdir(parents=True)
    for name in ODD_NAMES:
        (folder / "odd" / os.fsdecode(name)).write_bytes(b"content of " + name)
    (folder / "empty").touch()
    (folder / "big").write_bytes(os.urandom(300_000))
    (folder / "hard").hardlink_to(folder / "big")
    (folder / "sym").symlink_to("/etc/passwd")
    (folder / "dangling").symlink_to("nowhere")
    os.mkfifo(folder / "fifo")
    with (folder / "sparse").open("wb") as sparse:
        sparse.truncate(5_000_000)
    os.setxattr(folder / "big", "user.colour", b"blue")
    (folder / "locked").mkdir()
    (folder / "locked" / "inner").write_text("x")
    (folder / "locked").chmod(0o555)
    return folder


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "tree").mkdir()
    return tmp_path / "tree" / "me"
