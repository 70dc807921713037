from __future__ import annotations

from pathlib import Path

import pytest

from backupjump.errors import ConfigError
from backupjump.notify.secret import read_secret


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text("a secret\n")
    path.chmod(0o600)
    return path


def test_a_secret_is_the_line_of_a_file_of_its_owner_s_alone(file: Path) -> None:
    assert read_secret(file) == "a secret"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_one_that_others_may_read_is_refused_with_what_mends_it(file: Path, mode: int) -> None:
    file.chmod(mode)

    with pytest.raises(ConfigError, match=f"can be read by others \\(mode {mode:04o}\\); type: chmod 600 "):
        read_secret(file)


@pytest.mark.parametrize("text", ["", "\n", "one\ntwo\n", "x" * 5000])
def test_a_file_that_does_not_hold_one_line_is_refused(file: Path, text: str) -> None:
    file.write_text(text)

    with pytest.raises(ConfigError, match="must hold one line"):
        read_secret(file)


def test_one_that_is_not_there_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file or directory; put the secret there: umask 077; cat > "):
        read_secret(tmp_path / "nothing")
