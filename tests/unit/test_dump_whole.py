"""dump_whole.py of examples/databases: a dump is there whole, or yesterday's is."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "examples/databases/desktop/dump_whole.py"
VERMIN = Path(sys.executable).with_name("vermin")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "app.sql").write_text("yesterday")
    return tmp_path / "app.sql"


def dumped(target: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(SCRIPT), str(target), *words], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("words", [["echo", "today"], ["sh", "-c", "echo today > '{}'"]])
def test_what_a_program_writes_takes_the_place_when_it_is_whole(target: Path, words: list[str]) -> None:
    done = dumped(target, *words)

    assert (done.returncode, done.stderr, target.read_text()) == (0, "", "today\n")
    assert target.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in target.parent.iterdir()) == [".app.sql.lock", "app.sql"]


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["sh", "-c", "echo half; echo no room >&2; exit 3"], 3, "no room"),
        (["sh", "-c", "echo half > '{}'; exit 75"], 75, ""),
        (["sh", "-c", "echo half; kill -9 $$"], 137, ""),
        (["true"], 1, "wrote nothing"),
        (["sh", "-c", ": '{}'"], 1, "wrote nothing"),
        (["/not/there"], 1, "No such file"),
        ([], 2, "usage"),
    ],
)
def test_else_yesterdays_stays_and_nothing_of_todays(target: Path, words: list[str], status: int, said: str) -> None:
    done = dumped(target, *words)

    assert (done.returncode, target.read_text()) == (status, "yesterday")
    assert said in done.stderr
    assert {path.name for path in target.parent.iterdir()} <= {".app.sql.lock", "app.sql"}


def test_a_second_dump_at_once_is_put_off(target: Path) -> None:
    with (target.parent / ".app.sql.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        done = dumped(target, "echo", "today")

    assert (done.returncode, target.read_text()) == (75, "yesterday")
    assert "under way" in done.stderr


def test_the_program_keeps_the_lock_when_the_script_is_gone(target: Path) -> None:
    pipe = target.parent / "go"
    os.mkfifo(pipe)
    subprocess.run(
        [str(SCRIPT), str(target), "sh", "-c", f"kill -9 $PPID; read -r _ < {pipe}"],
        stderr=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )

    during = dumped(target, "echo", "today")
    pipe.write_text("go\n")

    assert during.returncode == 75


def test_it_runs_on_the_oldest_python_of_a_desktop() -> None:
    words = [VERMIN, "--target=3.9-", "--violations", "--no-tips", "--processes=1", str(SCRIPT)]

    done = subprocess.run(words, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout
