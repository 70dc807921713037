"""K6: a config that another account may write is as good as that account's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from backupjump.config.hands import foreign_hands


@pytest.fixture
def file(tmp_path: Path) -> Path:
    folder = tmp_path / "config"
    folder.mkdir(mode=0o755)
    path = folder / "backupjump.yaml"
    path.touch()
    path.chmod(0o644)
    return path


def told(path: Path) -> list[str]:
    return [problem.message for problem in foreign_hands([path, path])]


def test_a_file_that_others_may_read_is_fine(file: Path) -> None:
    assert told(file) == []


@pytest.mark.parametrize("mode", [0o664, 0o646, 0o620, 0o602])
def test_k6_a_file_that_others_may_write_is_refused_with_what_to_type(file: Path, mode: int) -> None:
    file.chmod(mode)

    assert told(file) == [f"can be written by others (mode {mode:04o}); type: chmod go-w {file}"]


def test_so_is_one_whose_folder_they_may_write(file: Path) -> None:
    file.parent.chmod(0o775)

    assert told(file) == [f"can be written by others (mode 0775); type: chmod go-w {file.parent}"]


def test_in_a_sticky_folder_nobody_takes_the_place_of_our_file(file: Path) -> None:
    file.parent.chmod(0o1777)

    assert told(file) == []


@pytest.mark.needs_root
def test_one_of_another_account_is_refused(file: Path) -> None:
    os.chown(file, 12345, -1)

    assert told(file) == [f"belongs to another account; type: chown 0 {file}"]


def test_one_that_is_not_there_is_told_of_elsewhere(tmp_path: Path) -> None:
    assert told(tmp_path / "backupjump.yaml") == []
