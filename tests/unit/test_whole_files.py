from __future__ import annotations

import os
from pathlib import Path

import pytest

from backupjump.whole_files import replacing


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o755])
def test_a_file_takes_the_name_with_its_mode_whatever_the_umask(tmp_path: Path, mode: int) -> None:
    (tmp_path / "file").write_text("old")
    before = os.umask(0o077)
    try:
        with replacing(tmp_path / "file", mode=mode) as file:
            file.write(b"new")
            meanwhile = (tmp_path / "file").read_text()
    finally:
        os.umask(before)

    assert (meanwhile, (tmp_path / "file").read_text()) == ("old", "new")
    assert (tmp_path / "file").stat().st_mode & 0o777 == mode
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_what_fails_in_between_leaves_all_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")

    def write_half() -> None:
        with replacing(tmp_path / "file") as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()

    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("file", "old")]
