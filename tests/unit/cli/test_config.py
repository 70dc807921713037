from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from backupjump.cli.config import config
from backupjump.cli.options import Options

EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the samples, and a home in which the keys that they name are."""
    monkeypatch.setenv("HOME", str(tmp_path))
    keys = tmp_path / ".ssh" / "keys"
    keys.mkdir(parents=True)
    for name in ("jumpnode", "laptop", "office", "tunnel"):
        (keys / name).touch(mode=0o600)
    shutil.copytree(EXAMPLES, tmp_path / "examples")
    return tmp_path / "examples"


def run(folder: Path, *words: str) -> Result:
    return CliRunner().invoke(config, words, obj=Options(config=folder / "backupjump.yaml"), catch_exceptions=False)


def test_check_says_what_it_found_good(copied: Path) -> None:
    server = run(copied / "server", "check")
    desktop = run(copied / "desktop", "check")

    assert server.output.splitlines()[-1] == (f"{copied}/server/backupjump.yaml: good: 1 JumpNode, 2 Desktops, 2 jobs")
    assert desktop.output.splitlines()[-1] == (
        f"{copied}/desktop/backupjump.yaml: good: a tunnel to 1 JumpNode, a gate with 1 folder and 1 hook"
    )


def test_check_names_each_key_that_this_version_does_not_act_on(copied: Path) -> None:
    top = copied / "server" / "backupjump.yaml"
    top.write_text(
        top.read_text().replace("path: /srv/backups", "path: /srv/backups\n  kind: btrfs") + "max_parallel: 3\n"
    )
    job = copied / "server" / "jobs" / "laptop-home.yaml"
    job.write_text("full_every: 9d\nstreams: 2\non_full: stop\n" + job.read_text())

    lines = run(copied / "server", "check").output.splitlines()

    later = "read, but not acted on by this version: "
    assert [line.removeprefix(f"{copied}/server/") for line in lines[:-1]] == [
        "jobs/laptop-home.yaml:2:1: streams: " + later + "one transfer at a time",
    ]


def test_show_fills_in_every_default(copied: Path) -> None:
    text = run(copied / "server", "show").output

    assert "max_parallel: 2\n" in text
    assert "# jobs/laptop-home.yaml\n" in text
    assert "time_limit: 12h\n" in text
    assert "bwlimit: 2 MB/s\n" in text
    assert "name:" not in text
    # Thrice the longest pause between two due times.
    assert "max_age: 12d\n" in text.partition("# jobs/office-system.yaml")[2]


def test_schema_prints_one_kind_of_file(copied: Path) -> None:
    assert json.loads(run(copied, "schema").output)["title"] == "Server"
    assert json.loads(run(copied, "schema", "job").output)["title"] == "Job"
    assert json.loads(run(copied, "schema", "desktop").output)["title"] == "Desktop"
