"""Every YAML that we hand out loads, and says in a test what it is."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
import yaml

from backupjump.config.desktop import is_desktop_file, load_desktop
from backupjump.config.load import load_server, read_job
from backupjump.config.problem import Problem, raise_all
from backupjump.config.show import desktop_as_yaml, server_as_yaml
from backupjump.config.yaml_file import read_document

HOUSE = Path(__file__).parents[3]
FILES = sorted(file for folder in ("examples", "jobs") for file in (HOUSE / folder).rglob("*.y*ml"))
TOPS = [file for file in FILES if file.name == "backupjump.yaml"]


def test_there_are_samples() -> None:
    named = {str(file.relative_to(HOUSE)) for file in FILES}

    assert {"examples/server/backupjump.yaml", "examples/desktop/backupjump.yaml", "jobs/nightly.yaml"} <= named


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(HOUSE)))
def test_a_sample_loads(file: Path) -> None:
    if file.name != "backupjump.yaml":  # a job; its Server's file may stand elsewhere
        problems: list[Problem] = []
        read_job(read_document(file), problems)
        raise_all(problems)
    elif is_desktop_file(read_document(file)):
        assert load_desktop(file).tunnel.jump_nodes
    else:
        assert load_server(file).jobs


@pytest.mark.parametrize("file", TOPS, ids=lambda file: str(file.relative_to(HOUSE)))
def test_a_config_that_is_shown_reads_as_the_same(file: Path, tmp_path: Path) -> None:
    copy = tmp_path / "backupjump.yaml"
    if is_desktop_file(read_document(file)):
        copy.write_text(desktop_as_yaml(load_desktop(file)))

        assert desktop_as_yaml(load_desktop(copy)) == copy.read_text()
        assert load_desktop(copy).tunnel == load_desktop(file).tunnel
        return
    server = load_server(file)
    for part in server_as_yaml(server).split("---\n"):
        name = re.match(r"# (\S+)", part)
        assert name is not None
        (tmp_path / name[1]).parent.mkdir(exist_ok=True)
        (tmp_path / name[1]).write_text(part)

    shown = load_server(copy)

    assert shown.model_copy(update={"jobs": {}}) == server.model_copy(update={"jobs": {}})
    assert server_as_yaml(shown) == server_as_yaml(server)


def test_what_is_shown_keeps_texts_that_look_like_something_else(tmp_path: Path) -> None:
    shutil.copytree(HOUSE / "examples" / "nested", tmp_path / "nested")
    patterns = ["22:30", "on", "0o17", "1e3", "~", "$${HOME}", "*.tmp", "0755", "- x", "é"]
    job = tmp_path / "nested" / "jobs" / "home.yaml"
    job.write_text(
        job.read_text() + f"exclude: {yaml.safe_dump(patterns, default_flow_style=True, default_style=chr(34))}"
    )
    server = load_server(tmp_path / "nested" / "backupjump.yaml")

    job.write_text(server_as_yaml(server).split("---\n")[1])

    again = load_server(tmp_path / "nested" / "backupjump.yaml")
    assert again.jobs["home"].exclude == (*patterns[:5], "${HOME}", *patterns[6:])
