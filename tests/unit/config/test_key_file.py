from __future__ import annotations

import os
from pathlib import Path

import pytest

from backupjump.config.key_file import key_file_problem


@pytest.fixture
def key(tmp_path: Path) -> Path:
    file = tmp_path / "key"
    file.touch()
    file.chmod(0o600)
    return file


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_key_for_its_owner_alone_is_fine(key: Path, mode: int) -> None:
    key.chmod(mode)

    assert key_file_problem(key) is None


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o610])
def test_a_key_that_others_can_read_is_refused_with_what_to_type(key: Path, mode: int) -> None:
    key.chmod(mode)

    assert key_file_problem(key) == f"{key} can be read by others (mode {mode:04o}); type: chmod 600 {key}"


def test_a_missing_key_is_refused_with_how_to_make_one(tmp_path: Path) -> None:
    assert (
        key_file_problem(tmp_path / "none")
        == f"{tmp_path}/none is missing; make it: ssh-keygen -t ed25519 -N '' -f {tmp_path}/none"
    )
    assert f"make it: mkdir -p -m 700 {tmp_path}/no && ssh-keygen" in str(key_file_problem(tmp_path / "no" / "key"))


def test_what_is_not_a_private_key_file_is_refused(tmp_path: Path, key: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    public = key.rename(tmp_path / "key.pub")

    assert "is not a file" in str(key_file_problem(tmp_path))
    assert "is not a file" in str(key_file_problem(tmp_path / "fifo"))
    assert "is the public half" in str(key_file_problem(public))
    assert "can't be looked at" in str(key_file_problem(public / "below"))
