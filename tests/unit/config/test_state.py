from __future__ import annotations

import os
from pathlib import Path

import pytest

from backupjump.config.state import state_dir
from backupjump.errors import ConfigError


def test_the_configured_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    folder = state_dir(tmp_path / "a" / "b")

    assert folder == tmp_path / "a" / "b"
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_others_may_write_in_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)

    with pytest.raises(ConfigError, match="other accounts may write") as caught:
        state_dir(tmp_path)

    assert "chmod 700" in caught.value.hint


@pytest.mark.needs_root
def test_a_folder_that_accounts_share_must_be_root_s_and_keep_each_one_s_files_from_the_other(tmp_path: Path) -> None:
    tmp_path.chmod(0o3770)
    assert state_dir(tmp_path) == tmp_path

    for mode, owner in ((0o2770, 0), (0o3777, 0), (0o3770, 4242)):
        tmp_path.chmod(mode)
        os.chown(tmp_path, owner, 0)
        with pytest.raises(ConfigError, match="other accounts may write"):
            state_dir(tmp_path)


def test_a_folder_that_can_not_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ConfigError, match="can't be made"):
        state_dir(tmp_path / "file" / "state")


@pytest.mark.parametrize(("named", "below"), [("xdg", "xdg/backupjump"), ("", "home/.local/state/backupjump")])
def test_without_one_an_ordinary_account_uses_the_xdg_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str, below: str
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid or 12345)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / named) if named else "relative")

    assert state_dir(None) == tmp_path / below
