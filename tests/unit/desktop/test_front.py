"""The Desktop's front: the words, helps and exit codes that the other command line has, too."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from backupjump.cli.main import cli
from backupjump.desktop.commands import COMMANDS
from backupjump.desktop.main import main
from desktop_program import desktop, desktop_argv
from gate_world import gate_world
from pythons import PYTHONS

CONFIG = "gate: {read: [/home/ann], hooks: {dump-db: ['true']}}\n"


def of_click(name: str) -> click.Command:
    """Return the command of the other command line that has the name."""
    command: click.Command = cli
    for word in name.replace("init desktop", "init").split():
        assert isinstance(command, click.Group)
        found = command.get_command(click.Context(command), word)
        assert found is not None
        command = found
    return command


def options_of(help_text: str) -> set[str]:
    return set(re.findall(r"^ +(?:-\w, )?(--[a-z-]+)", help_text, flags=re.MULTILINE)) - {"--help"}


@pytest.mark.parametrize("name", COMMANDS)
def test_both_command_lines_say_the_same_of_a_command(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*name.split(), "--help"])

    assert ended.value.code == 0
    printed = capsys.readouterr().out
    theirs = CliRunner().invoke(of_click(name), ["--help"]).output
    assert COMMANDS[name].about == of_click(name).help
    assert "Examples:" in printed
    assert "Exit codes:" in printed
    # A Server has a few words more: it has several machines to name.
    assert options_of(printed) <= options_of(theirs)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["tunnl", "open"], "there is no command 'tunnl', did you mean 'tunnel'?"),
        (["tunnel", "opne"], "there is no command 'opne', did you mean 'open'?"),
        (["enroll", "finish"], "'finish' is typed on the Server; this is the Desktop's program"),
        (["run", "laptop"], "'run' is typed on the Server; this is the Desktop's program"),
        (["xyzzy"], "there is no command 'xyzzy'; see backupjump --help"),
        (["-x", "doctor"], "unrecognized arguments: -x"),
        (["tunnel", "open", "--fro", "2h"], "unrecognized arguments: --fro 2h"),
        (["doctor", "laptop"], "unrecognized arguments: laptop"),
    ],
)
def test_a_wrong_word_ends_with_2_and_a_guess(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)

    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_without_words_it_says_what_there_is() -> None:
    bare, group = desktop(), desktop("enroll")

    assert (bare.code, bare.err) == (0, "")
    assert all(f"\n  {name} " in bare.out for name in COMMANDS)
    assert (group.code, "enroll accept" in group.out, "doctor " in group.out) == (2, True, False)


@pytest.mark.parametrize("python", PYTHONS)
def test_every_command_says_its_help_in_every_python_there_is(python: str) -> None:
    for name in COMMANDS:
        said = desktop(*name.split(), "--help", python=python)

        assert (said.code, said.err) == (0, "")
        assert f"usage: backupjump {name}" in said.out


def test_a_config_is_made_and_checked_with_the_words_of_the_other_command_line(tmp_path: Path) -> None:
    made = desktop("init", "desktop", "--dir", str(tmp_path / "new"))
    wrong = desktop("--config", str(tmp_path / "new/backupjump.yaml"), "config", "check")
    again = desktop("init", "desktop", "--dir", str(tmp_path / "new"))
    (tmp_path / "good.yaml").write_text(CONFIG)
    good = desktop("--config", str(tmp_path / "good.yaml"), "config", "check")

    assert made.out == (
        f"wrote {tmp_path}/new/backupjump.yaml\n"
        f"next: fill in each REPLACE ME, then: backupjump --config {tmp_path}/new/backupjump.yaml config check\n"
    )
    assert (wrong.code, "is still to be filled in" in wrong.err) == (2, True)
    assert (again.code, "nothing is written" in again.err) == (2, True)
    assert good.out == f"{tmp_path}/good.yaml: good: a gate with 1 folder and 1 hook\n"


def test_a_servers_config_is_not_taken_for_a_desktops(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("store: {path: /srv}\n")

    said = desktop("--config", str(tmp_path / "s.yaml"), "config", "check")

    assert said.code == 2
    assert "s.yaml is not a Desktop's config" in said.err
    assert "hint: " in said.err


def test_the_gate_behind_it_takes_its_own_words(tmp_path: Path) -> None:
    (tmp_path / "d.yaml").write_text(CONFIG)

    refused = desktop("gate", "--config", str(tmp_path / "d.yaml"))
    wrong = desktop("gate")

    assert (refused.code, refused.err) == (64, "backupjump-gate: refused: no-command: this key opens no shell\n")
    assert (wrong.code, "--config" in wrong.err) == (2, True)


@pytest.mark.parametrize("python", PYTHONS)
def test_the_gate_does_its_work_in_every_python_there_is(tmp_path: Path, python: str) -> None:
    told = gate_world(
        tmp_path, policy={"hooks": {"say": ["echo", "hello"]}}, program=(*desktop_argv(python=python), "gate")
    )

    probe, hook, done = told.told("bj1 probe"), told.told("bj1 hook say"), told.ask("bj1 done ok 1")
    pulled = told.rsync("-a")

    assert probe["roots"] == [{"path": str(told.home), "state": "folder"}]
    assert (hook["status"], hook["said"]) == (0, ["hello"])
    assert (done.returncode, done.stderr) == (0, "")
    assert (pulled.returncode, told.names()) == (0, {"notes", "sub/secret"})
