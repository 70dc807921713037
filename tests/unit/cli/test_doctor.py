"""The words of `backupjump doctor`: what it prints where, and its exit codes."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from program import argv, backupjump


@pytest.fixture
def mistaken(tmp_path: Path) -> Path:
    """A Server's config with two mistakes."""
    config = tmp_path / "backupjump.yaml"
    config.write_text("store: {path: /srv}\nstor: 1\nmax_parallel: 0\n")
    return config


def test_a_config_with_mistakes_fails_and_nothing_else_is_tried(mistaken: Path) -> None:
    said = backupjump(mistaken, "doctor")

    lines = said.out.splitlines()
    assert (said.code, said.err) == (1, "")
    assert [line.partition(" ")[0] for line in lines if not line.startswith(" ")] == ["x", "x", "-", "-", "2"]
    assert lines[1] == f"        fix: ${{EDITOR:-vi}} +2 {mistaken}"
    assert lines[-1] == "2 fail, 2 skip"


def test_quiet_prints_what_failed_alone(mistaken: Path) -> None:
    said = subprocess.run(
        [*argv(mistaken)[:-2], "-q", "--config", str(mistaken), "doctor"], capture_output=True, text=True, check=False
    )

    assert said.returncode == 1
    assert {line[0] for line in said.stdout.splitlines()} == {"x", " "}


def test_json_on_stdout_stays_whole_while_a_terminal_shows_what_is_tried(mistaken: Path) -> None:
    person, terminal = os.openpty()
    try:
        with subprocess.Popen(
            argv(mistaken, "doctor", "--json"), stdin=terminal, stdout=subprocess.PIPE, stderr=terminal
        ) as doctor:
            out, _err = doctor.communicate(timeout=60)
        seen = os.read(person, 65536)
    finally:
        os.close(terminal)
        os.close(person)

    assert [each["verdict"] for each in json.loads(out)] == ["fail", "fail", "skip", "skip"]
    assert b"reading the config" in seen


def test_a_desktop_has_no_other_desktops_to_look_at(tmp_path: Path) -> None:
    config = tmp_path / "backupjump.yaml"
    config.write_text("gate: {read: [/home/me]}\n")

    said = backupjump(config, "doctor", "laptop")

    assert said.code == 2
    assert "hint: backupjump doctor" in said.err
