import os
from contextlib import nullcontext
from pathlib import Path

import pytest

from backupjump.gate.folder import check_allowed, open_folder, state_of
from backupjump.gate.refusal import Refused
from gate_world import open_files


@pytest.mark.parametrize(
    ("path", "roots", "allowed"),
    [
        ("/home/", ["/home"], True),
        ("/home/me/", ["/home"], True),
        ("/home/me/", ["/srv", "/home"], True),
        ("/home2/", ["/home"], False),
        ("/hom/", ["/home"], False),
        ("/", ["/home"], False),
        ("/", ["/"], True),
        ("/etc/", ["/"], True),
        ("/Home/", ["/home"], False),
        ("/home/me/", ["/home/me2"], False),
        ("/home/", [], False),
    ],
)
def test_a_folder_is_allowed_part_by_part(path: str, roots: list[str], allowed: bool) -> None:
    with nullcontext() if allowed else pytest.raises(Refused, match="outside"):
        check_allowed(path, roots)


def test_a_folder_is_held_whatever_takes_its_name(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root/mine").touch()
    (tmp_path / "other").mkdir()

    fd = open_folder(f"{tmp_path}/root/")
    (tmp_path / "root").rename(tmp_path / "moved")
    (tmp_path / "root").symlink_to("other")
    names = [path.name for path in Path(f"/proc/self/fd/{fd}").iterdir()]
    os.close(fd)

    assert names == ["mine"]


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("folder", "folder"),
        ("folder/below", "folder"),
        ("nowhere", "absent"),
        ("nowhere/below", "absent"),
        ("file", "not-a-folder"),
        ("file/below", "not-a-folder"),
        ("fifo", "not-a-folder"),
        ("link", "link"),
        ("link/below", "link"),
        ("loop", "link"),
        ("dangling", "link"),
        ("x" * 300, "closed"),
    ],
)
def test_no_link_is_followed_on_the_way_to_a_folder(tmp_path: Path, path: str, word: str) -> None:
    (tmp_path / "folder/below").mkdir(parents=True)
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to("folder")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "dangling").symlink_to("nothing")
    before = open_files()

    assert state_of(f"{tmp_path}/{path}") == word
    assert open_files() == before


def test_the_top_folder_can_be_held_too() -> None:
    assert state_of("/") == "folder"
