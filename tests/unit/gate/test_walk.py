"""A walk of real folders: the same text as the store's manifest has, and no way to lead it astray."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from backupjump.gate.walk import Walk
from backupjump.store.inode import read_entry
from backupjump.store.manifest import to_line
from backupjump.store.tree import walk as walk_store
from gate_world import open_files

ODD_NAMES = [
    *(b"a\nb", b"\xff\xfe", b"\\#012", b"x" * 255, b" ", b"-rf", b'"', b"\\", b"\x7f\x1b[2J", b"*", b"...", b"~"),
    *("é", "\u202egpj.exe", "😀", "\ud800".encode("utf-8", "surrogatepass").decode("latin1")),
]


@contextmanager
def opened(path: Path) -> Iterator[int]:
    fd = os.open(path, os.O_RDONLY)
    try:
        yield fd
    finally:
        os.close(fd)


def listed(path: Path, *omitted: str, **how: Any) -> list[str]:
    with opened(path) as fd, Walk(fd, f"{path}/", omitted=omitted, **how) as walk:
        return list(walk.lines())


def of(path: Path, lines: list[str]) -> dict[str, dict[str, Any]]:
    """Return the lines as values, by their path below `path`."""
    values = [json.loads(line) for line in lines]
    return {str(Path("/", each.pop("path")).relative_to(path)): each for each in values}


def manifest_of(path: Path) -> list[str]:
    found = walk_store(Path("/"), os.fsencode(path)[1:])
    return [re.sub(r',"ino":\d+', "", to_line(read_entry(each, fake_super=False))) for each in found]


def odd_tree(path: Path) -> Path:
    """Make a tree of everything that a folder can hold."""
    for name in map(os.fsencode, ODD_NAMES):
        folder = path / "folders" / os.fsdecode(name)
        folder.mkdir(parents=True)
        (folder / "file in it").write_bytes(name)
    for name in ("a", "a.b", "a-b", "a/c"):
        (path / "order" / name).mkdir(parents=True)
    (path / "file").write_text("twelve bytes")
    (path / "file").chmod(0o4750)
    (path / "same file").hardlink_to(path / "file")
    (path / "dangling").symlink_to("nowhere/é\n" + "x" * 300)
    (path / "to a folder").symlink_to("folders")
    (path / "to the top").symlink_to("/")
    (path / "to no UTF-8").symlink_to(os.fsdecode(b"\xff\xfe"))
    os.mkfifo(path / "fifo", 0o640)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(path / "socket"))
    os.utime(path / "file", ns=(1, -1_500_000_001))
    return path


def test_a_line_is_the_text_that_a_manifest_has_but_for_what_only_the_source_has(tmp_path: Path) -> None:
    tree = odd_tree(tmp_path / "tree")

    lines = listed(tree)

    assert [re.sub(r',"source":\[[^]]*\]', "", line) for line in lines] == manifest_of(tree)
    assert len(lines) > 45
    assert "".join(lines).isascii()


def test_the_source_tells_inode_ctime_and_links(tmp_path: Path) -> None:
    tree = odd_tree(tmp_path / "tree")

    found = of(tree, listed(tree))

    for name in (".", "file", "same file", "fifo", "to a folder", "folders/é"):
        status = (tree / name).lstat()
        assert found[name]["source"] == [status.st_ino, status.st_ctime_ns, status.st_nlink]
    assert found["file"]["source"] == found["same file"]["source"]


@pytest.mark.needs_root
def test_devices_have_their_numbers(tmp_path: Path) -> None:
    os.mknod(tmp_path / "null", 0o020666, os.makedev(1, 3))
    os.mknod(tmp_path / "loop", 0o060660, os.makedev(7, 300))

    lines = listed(tmp_path)

    assert [re.sub(r',"source":\[[^]]*\]', "", line) for line in lines] == manifest_of(tmp_path)
    assert of(tmp_path, lines)["loop"]["rdev"] == [7, 300]


def test_the_root_of_everything_has_the_empty_path_and_what_is_in_it_no_slash() -> None:
    with opened(Path("/")) as fd, Walk(fd, "/", one_file_system=True) as walk:
        lines = walk.lines()
        first, second = json.loads(next(lines)), json.loads(next(lines))

    assert (first["path"], first["type"]) == ("", "dir")
    assert second["path"] == min((each.name for each in Path("/").iterdir()), key=os.fsencode)


@pytest.mark.parametrize(
    ("omitted", "left"),
    [
        ([], {"a", "a/cache", "a/cache/x", "a/é", "b", "b/cache", "cache"}),
        (["cache/"], {"a", "a/é", "b", "b/cache", "cache"}),
        (["{}/cache/"], {"a", "a/cache", "a/cache/x", "a/é", "b", "b/cache", "cache"}),
        (["{}/a/cache/", "é/"], {"a", "b", "b/cache", "cache"}),
        (["{}/a/"], {"b", "b/cache", "cache"}),
        (["{}/a/cache/x/y/", "ache/", "cach/"], {"a", "a/cache", "a/cache/x", "a/é", "b", "b/cache", "cache"}),
    ],
)
def test_folders_are_left_out_whole_by_path_or_by_name(tmp_path: Path, omitted: list[str], left: set[str]) -> None:
    for folder in ("a/cache/x", "a/é", "b"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "b/cache").touch()
    (tmp_path / "cache").symlink_to("a")

    found = of(tmp_path, listed(tmp_path, *(word.format(tmp_path) for word in omitted)))

    assert set(found) == {".", *left}


def test_the_folder_itself_is_listed_whatever_it_is_called(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()

    assert set(of(tmp_path, listed(tmp_path / "cache", "cache/"))) == {"cache"}


def test_no_depth_costs_more_open_folders_and_none_stays_open(tmp_path: Path) -> None:
    deep = tmp_path
    for number in range(120):
        deep = deep / f"d{number}"
        deep.mkdir()
        (deep / "a").touch()
        (deep / "z").touch()
    before = open_files()

    with opened(tmp_path) as fd, Walk(fd, f"{tmp_path}/", most_open=3) as walk:
        most, lines = 0, []
        for line in walk.lines():
            most = max(most, len(open_files() - before))
            lines.append(line)

    assert most <= 3 + 2  # the folder of the caller, and the one that open_files itself reads
    assert lines == listed(tmp_path)
    assert len(lines) == 1 + 3 * 120
    assert open_files() == before


def test_a_folder_deeper_than_any_path_can_name_is_told_as_unreadable(tmp_path: Path) -> None:
    fd = os.open(tmp_path, os.O_RDONLY)
    for _ in range(20):
        os.mkdir("x" * 250, dir_fd=fd)
        above, fd = fd, os.open("x" * 250, os.O_RDONLY, dir_fd=fd)
        os.close(above)
    os.close(fd)

    lines = listed(tmp_path)

    assert len(lines) == 1 + 17
    assert [number for number, line in enumerate(lines) if '"unreadable":1' in line] == [17]


def test_a_folder_that_was_moved_away_meanwhile_leads_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "in/a/b/c").mkdir(parents=True)
    (tmp_path / "in/a/z").touch()
    (tmp_path / "out").mkdir()
    (tmp_path / "out/secret").touch()
    before = open_files()

    with opened(tmp_path / "in") as fd, Walk(fd, f"{tmp_path}/in/", most_open=1) as walk:
        lines = walk.lines()
        seen = [next(lines) for _ in range(4)]
        (tmp_path / "in/a/b").rename(tmp_path / "out/b")
        with pytest.raises(OSError, match="moved while it was listed"):
            seen += lines

    assert "secret" not in "".join(seen)
    assert open_files() == before


def test_what_goes_while_it_is_listed_is_left_out(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).touch()

    with opened(tmp_path) as fd, Walk(fd, f"{tmp_path}/") as walk:
        lines = walk.lines()
        seen = [next(lines), next(lines)]
        (tmp_path / "b").unlink()
        seen += lines

    assert set(of(tmp_path, seen)) == {".", "a", "c"}


def test_a_link_is_never_gone_into_even_if_it_was_a_folder_a_moment_ago(tmp_path: Path) -> None:
    (tmp_path / "in/a").mkdir(parents=True)
    (tmp_path / "in/b").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out/secret").touch()

    with opened(tmp_path / "in") as fd, Walk(fd, f"{tmp_path}/in/") as walk:
        lines = walk.lines()
        seen = [next(lines), next(lines)]
        (tmp_path / "in/b").rmdir()
        (tmp_path / "in/b").symlink_to("../out")
        seen += lines

    assert of(tmp_path / "in", seen)["b"]["type"] == "symlink"
    assert "secret" not in "".join(seen)


@contextmanager
def plain_account() -> Iterator[None]:
    """Have no rights of root's for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_what_may_not_be_looked_into_is_told_and_what_may_not_be_looked_at(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    for name, mode in {"closed": 0o700, "no list": 0o711, "no way in": 0o744, "open": 0o755}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("content")
        (tmp_path / name).chmod(mode)
        if os.geteuid() != 0:
            (tmp_path / name).chmod(mode & 0o077 | (mode & 0o007) << 6)

    with opened(tmp_path) as fd, plain_account(), Walk(fd, f"{tmp_path}/") as walk:
        found = of(tmp_path, list(walk.lines()))

    assert {name for name, each in found.items() if "unreadable" in each} == {"closed", "no list", "no way in/file"}
    assert set(found) == {".", "closed", "no list", "no way in", "no way in/file", "open", "open/file"}
    assert list(found["closed"])[-2:] == ["unreadable", "source"]
    assert found["closed"]["source"][0] == (tmp_path / "closed").stat().st_ino
    unseen = {"type": "file", "mode": "0000", "uid": 0, "gid": 0, "size": 0, "mtime_ns": 0}
    assert found["no way in/file"] == {**unseen, "unreadable": 1, "source": [0, 0, 0]}


def test_a_folder_s_time_of_access_stays(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.utime(tmp_path / "folder", ns=(5, 5))

    listed(tmp_path)

    assert (tmp_path / "folder").stat().st_atime_ns == 5


def test_a_login_without_utf_8_changes_no_line(tmp_path: Path) -> None:
    tree = odd_tree(tmp_path / "tree")
    program = (
        "import os, sys\nfrom backupjump.gate.walk import Walk\n"
        "assert sys.getfilesystemencoding() != 'utf-8'\n"
        f"fd = os.open({os.fsencode(tree)!r}, os.O_RDONLY)\n"
        f"sys.stdout.writelines(Walk(fd, {str(tree) + '/'!r}, omitted=('\\u00e9/',)).lines())\n"
    )

    done = subprocess.run(
        [sys.executable, "-X", "utf8=0", "-c", program],
        env={"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.splitlines(keepends=True) == listed(tree, "é/")


def test_a_folder_that_can_not_be_read_is_an_error_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with opened(tmp_path / "file") as fd, pytest.raises(NotADirectoryError):
        Walk(fd, "/file/")
