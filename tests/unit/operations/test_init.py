from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from backupjump.cli.config import config
from backupjump.cli.init import init
from backupjump.cli.options import Options
from backupjump.config.hands import foreign_hands
from backupjump.config.yaml_file import PLACEHOLDER
from backupjump.errors import ConfigError, UsageError
from backupjump.operations.init import FILES, write_config

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHHV/k+HmWciJVSzMUnHLALuITwNHWr4foBTMZqXEjS/"
HOUSE = Path(__file__).parents[3]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def check(folder: Path) -> str:
    options = Options(config=folder / "backupjump.yaml")
    return CliRunner().invoke(config, ["check"], obj=options, catch_exceptions=False).output


@pytest.mark.parametrize("kind", ["server", "desktop"])
def test_the_check_of_what_was_written_asks_for_what_only_the_user_knows(kind: str, home: Path, tmp_path: Path) -> None:
    written = write_config(kind, tmp_path / "new")

    with pytest.raises(ConfigError) as caught:
        check(tmp_path / "new")

    asked = [line for line in str(caught.value).splitlines() if line.startswith("/")]
    to_fill_in = [line for line in asked if "is still to be filled in: with " in line]
    assert len(to_fill_in) == sum(len(re.findall(rf"[:-] {PLACEHOLDER} with", path.read_text())) for path in written)
    assert all("is missing; make it: mkdir -p -m 700" in line for line in asked if line not in to_fill_in)


@pytest.mark.parametrize("kind", ["server", "desktop"])
def test_once_filled_in_it_is_good(kind: str, home: Path, tmp_path: Path) -> None:
    for path in write_config(kind, tmp_path / "new"):
        text = re.sub(rf"host_key: {PLACEHOLDER} .*", f"host_key: {KEY}", path.read_text())
        text = re.sub(rf"- {PLACEHOLDER} .*", "- /home/ann", text)
        path.write_text(re.sub(rf": {PLACEHOLDER} .*", ": filled-in", text))
    (home / ".ssh" / "keys").mkdir(parents=True)
    for name in ("jumpnode", "desktop", "tunnel"):
        (home / ".ssh" / "keys" / name).touch(mode=0o600)

    assert ": good: " in check(tmp_path / "new").splitlines()[-1]


@pytest.mark.parametrize("name", ["backupjump.yaml", "jobs/tasks.py"])
def test_nothing_is_written_over(name: str, tmp_path: Path) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine")

    with pytest.raises(UsageError, match=f"already there: .*{name}; nothing is written"):
        write_config("server", tmp_path)

    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [Path(name).name]
    assert (tmp_path / name).read_text() == "mine"


def test_a_folder_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(UsageError, match="can't be written: Not a directory"):
        write_config("desktop", tmp_path / "file" / "below")


def test_the_command_says_what_to_type_next(tmp_path: Path) -> None:
    result = CliRunner().invoke(init, ["desktop", "--dir", str(tmp_path / "new")])

    assert result.exit_code == 0
    assert result.output.splitlines() == [
        f"wrote {tmp_path}/new/backupjump.yaml",
        f"next: fill in each REPLACE ME, then: backupjump --config {tmp_path}/new/backupjump.yaml config check",
    ]


@pytest.mark.parametrize("name", ["tasks.py", "fabfile.py"])
def test_the_task_files_are_those_of_this_repository(name: str) -> None:
    assert FILES["server"][f"jobs/{name}"] == (HOUSE / "jobs" / name).read_text()


def test_what_is_written_is_nobody_else_s_to_write_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o002)
    try:
        written = write_config("server", tmp_path / "config")
    finally:
        os.umask(before)

    assert list(foreign_hands(written)) == []
