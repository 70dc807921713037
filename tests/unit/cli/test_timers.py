"""`backupjump timers` as it is typed, with a crontab that is a file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from backupjump.cli.main import run_cli
from program import Said, backupjump
from timers_world import World, make_world

_CRONTAB = """#!/bin/sh
case "$1" in
-l) if [ -e {file} ]; then cat {file}; else echo "no crontab for me" >&2; exit 1; fi ;;
-) cat >{file} ;;
esac
"""


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = make_world(tmp_path)
    program = tmp_path / "bin/crontab"
    program.parent.mkdir()
    program.write_text(_CRONTAB.format(file=tmp_path / "crontab"))
    program.chmod(0o755)
    return made


def say(world: World, *words: str) -> Said:
    path = f"{world.folder / 'bin'}:{os.environ['PATH']}"
    return backupjump(world.config, "timers", *words, env={"PATH": path, "TZ": "Europe/Paris"})


def test_systemd_s_text_has_each_file_s_name_above_it(world: World) -> None:
    said = say(world, "systemd")

    names = [line.rpartition("/")[2] for line in said.out.splitlines() if line.startswith("# /")]
    assert names == [
        *("backupjump-nightly.service", "backupjump-nightly.timer", "backupjump-nightly.prepare.service"),
        *("backupjump-often.service", "backupjump-often.timer", "backupjump-often.prepare.service"),
    ]
    assert (said.code, said.err) == (0, "note: byhand has no schedule, so it gets no timer\n")


def test_launchd_s_text_says_that_nobody_has_tried_it(world: World) -> None:
    said = say(world, "launchd")
    refused = say(world, "launchd", "--install")

    assert "backupjump.nightly.plist\n<?xml" in said.out
    assert "not been tried on a Mac" in said.err
    assert (refused.code, "by hand" in refused.err) == (2, True)


def test_the_crontab_keeps_its_other_lines_and_is_as_before_when_all_is_taken_out_again(world: World) -> None:
    crontab = world.folder / "crontab"
    before = b"# mine: \xff\n5 * * * * own\n"
    crontab.write_bytes(before)

    shown = say(world, "cron")
    first = say(world, "cron", "--install", "--yes")
    full = crontab.read_bytes()
    again = say(world, "cron", "--install", "--yes")
    removed = say(world, "cron", "--remove", "--yes")

    assert full == before + shown.out.encode()
    assert f"\n30 2 * * * {world.program} --config {world.config} run nightly --if-due --wait 30m\n" in shown.out
    assert (first.code, again.out, removed.code) == (0, "nothing to change\n", 0)
    assert crontab.read_bytes() == before


def test_a_first_crontab_is_made(world: World) -> None:
    said = say(world, "cron", "--install", "--yes")

    assert said.code == 0
    assert (world.folder / "crontab").read_text().startswith("# backupjump begin ")


def test_nothing_is_changed_unasked(world: World) -> None:
    said = say(world, "cron", "--install")

    assert (said.code, "--yes" in said.err) == (2, True)
    assert "+30 2 * * * " in said.out
    assert not (world.folder / "crontab").exists()


def test_a_machine_by_other_clocks_gets_the_hourly_line_and_a_warning(world: World) -> None:
    path = f"{world.folder / 'bin'}:{os.environ['PATH']}"
    said = backupjump(world.config, "timers", "cron", env={"PATH": path, "TZ": "Asia/Tokyo"})

    assert "30 2" not in said.out
    assert "note: nightly goes by the clocks of Europe/Paris" in said.err


def test_install_and_remove_together_are_refused(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    code = run_cli(["--config", str(world.config), "timers", "cron", "--install", "--remove"])

    assert (code, "contradict" in capsys.readouterr().err) == (2, True)
