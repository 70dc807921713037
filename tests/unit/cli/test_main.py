import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from backupjump.cli.main import COMMANDS, cli, run_cli


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    ours = logging.getLogger("backupjump")
    before = (ours.handlers[:], ours.level, ours.propagate)
    yield
    ours.handlers[:], ours.propagate = before[0], before[2]
    ours.setLevel(before[1])


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_table_is_there_and_says_what_it_does(name: str) -> None:
    context = click.Context(cli)

    command = cli.get_command(context, name)

    assert command is not None
    assert command.name == name
    assert command.help
    assert COMMANDS[name][2].endswith(".")


@pytest.mark.parametrize(
    "name", [name for name in COMMANDS if name not in ("config", "store", "tunnel", "demo", "init")]
)
def test_the_help_of_what_people_type_every_day_teaches_by_examples(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)

    assert command is not None
    assert "Examples:" in (command.help or "")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["rnu"], "did you mean 'run'?"),
        (["frobnicate"], "see backupjump --help"),
        (["run"], "Missing argument 'JOB...'"),
        (["run", "nightly", "--dry"], "Did you mean '--dry-run'?"),
        (["--config", "/nowhere/at/all.yaml", "status"], "/nowhere/at/all.yaml"),
    ],
)
def test_a_wrong_word_ends_with_2_and_a_guess(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = run_cli(words)

    assert code == 2
    assert said.lower() in capsys.readouterr().err.lower()


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["--version"]) == 0
    assert capsys.readouterr().out.startswith("backupjump 0.")


def test_a_reader_that_goes_away_makes_no_noise(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)

    with subprocess.Popen(
        [sys.executable, "-m", "backupjump", "config", "schema"], stdout=writing, stderr=subprocess.PIPE
    ) as program:
        os.close(writing)
        assert program.stderr is not None
        said = program.stderr.read()

    assert said == b""


@pytest.mark.parametrize("verbose", [False, True])
def test_a_full_disk_under_stdout_is_told_in_a_line_and_where_only_to_who_looks_closely(*, verbose: bool) -> None:
    words = ["-vv"] if verbose else []

    with Path("/dev/full").open("w") as full:
        done = _program(*words, "config", "schema", stdout=full, stderr=subprocess.PIPE)

    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert ("Traceback" in done.stderr) == verbose


def test_closed_streams_are_as_good_as_dev_null(tmp_path: Path) -> None:
    script = 'exec <&- >&- 2>&-; exec "$@"'
    code = (
        "import os, sys\n"
        "from backupjump.cli import main\n"
        "main.run_cli = lambda words: int(sys.stdout.isatty() or sys.stderr.isatty() or os.open('/', 0) < 3)\n"
        "main.main()\n"
    )

    done = subprocess.run(["/bin/sh", "-c", script, "sh", sys.executable, "-c", code], check=False)

    assert done.returncode == 0


def test_a_folder_that_is_gone_is_named_before_anything_is_done_in_it(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    code = f"import os; os.rmdir({str(gone)!r}); from backupjump.cli.main import main; main()"

    done = subprocess.run([sys.executable, "-c", code, "status"], cwd=gone, capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert "the folder that this was typed in is gone" in done.stderr


def _program(*words: str, **streams: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "backupjump", *words], text=True, check=False, **streams)


def test_under_systemd_milestones_go_to_the_journal_with_their_priority(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    code = (
        "import logging, os, sys\n"
        "status = os.fstat(2)\n"
        "os.environ['JOURNAL_STREAM'] = f'{status.st_dev}:{status.st_ino}'\n"
        "from backupjump.cli.main import run_cli\n"
        "run_cli(['--config', '/nowhere.yaml', 'status'])\n"
        "logging.getLogger('backupjump.operations').info('a milestone')\n"
    )

    with journal.open("w") as stderr:
        subprocess.run([sys.executable, "-c", code], stderr=stderr, check=True)

    assert "<6>a milestone" in journal.read_text().splitlines()
