"""Each folder of tests/invalid/ is refused with the very text that stands in its expected.txt."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from backupjump.cli.config import check
from backupjump.cli.options import Options
from backupjump.errors import ConfigError

CASES = sorted(folder for folder in (Path(__file__).parents[2] / "invalid").iterdir() if folder.is_dir())


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of key files as they should be, and one that others may read; ${KEYS} in a config."""
    folder = tmp_path / "keys"
    folder.mkdir()
    for name, mode in {
        "jumpnode": 0o600,
        "laptop": 0o600,
        "laptop.pub": 0o644,
        "tunnel": 0o600,
        "readable": 0o644,
    }.items():
        (folder / name).touch()
        (folder / name).chmod(mode)
    monkeypatch.setenv("KEYS", str(folder))
    return folder


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_wrong_config_is_refused_with_the_expected_text(
    case: Path, tmp_path: Path, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(case, tmp_path / "config")
    for path in (tmp_path / "config").rglob("*"):
        path.chmod(path.stat().st_mode & ~0o022)  # a working copy may be writable by a group
    monkeypatch.chdir(tmp_path / "config")

    result = CliRunner().invoke(check, obj=Options(config=Path("backupjump.yaml")))

    assert isinstance(result.exception, ConfigError), result.output
    assert result.exception.exit_code == 2
    assert str(result.exception).replace(str(keys), "KEYS") == (case / "expected.txt").read_text().removesuffix("\n")
