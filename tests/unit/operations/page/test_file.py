from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from backupjump.errors import UsageError
from backupjump.operations.page.file import write_page


def test_a_new_page_is_private_and_a_later_one_keeps_the_mode_that_it_was_given(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    write_page(page, "one")
    modes = [page.stat().st_mode & 0o777]
    page.chmod(0o644)
    write_page(page, "two ☃")
    modes.append(page.stat().st_mode & 0o777)

    assert modes == [0o600, 0o644]
    assert page.read_text("utf-8") == "two ☃"
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


@pytest.mark.parametrize(
    "stand_there",
    [
        lambda path: path.symlink_to("other"),
        lambda path: path.symlink_to("missing"),
        lambda path: path.mkdir(),
        lambda path: os.mkfifo(path),
    ],
    ids=["a link", "a link to nothing", "a folder", "a pipe"],
)
def test_what_is_no_regular_file_is_never_replaced(tmp_path: Path, stand_there: Callable[[Path], object]) -> None:
    (tmp_path / "other").write_text("mine")
    stand_there(tmp_path / "page.html")
    before = (tmp_path / "page.html").lstat()

    with pytest.raises(UsageError, match="nothing was written"):
        write_page(tmp_path / "page.html", "page")

    assert (tmp_path / "page.html").lstat().st_ino == before.st_ino
    assert (tmp_path / "other").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other", "page.html"]


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file or directory"):
        write_page(tmp_path / "no" / "page.html", "page")
