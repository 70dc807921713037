"""Files that the account on the Desktop may not read: a warning when that is news, a note from then on."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backupjump.demo.lab import Lab
from program import Said, backupjump

pytestmark = pytest.mark.lab

# Root reads everything, so here the Server's key runs its commands without that power.
OBEYING_MODES = (
    'restrict,command="setpriv --bounding-set=-dac_override,-dac_read_search sh -c \\"$SSH_ORIGINAL_COMMAND\\"",'
)


@pytest.fixture
def config(lab: Lab) -> Iterator[Path]:
    if os.getuid() == 0:
        keys = lab.desktop.authorized_keys
        keys.write_text(keys.read_text().replace("restrict,", OBEYING_MODES))
    for name in ("a", "b", "secret", "later"):
        (lab.home / name).write_text(name)
    (lab.home / "closed").mkdir()
    (lab.home / "closed/file").write_text("in a closed folder")
    made = lab.server_config()
    assert backupjump(made, "store", "init").code == 0
    lab.open_tunnel()
    yield made
    (lab.home / "closed").chmod(0o700)


def run(config: Path) -> dict[str, Any]:
    said: Said = backupjump(config, "run", "nightly", "--json")
    ended: dict[str, Any] = json.loads(said.out)
    assert said.code == ended["exit_code"]
    return ended


def make_unreadable(path: Path) -> None:
    """Edit a file as well: with its size and time unchanged nobody would have to read it again."""
    path.write_text("edited")
    path.chmod(0)


def test_a_path_that_can_not_be_read_is_a_warning_once(lab: Lab, config: Path) -> None:
    (lab.home / "secret").chmod(0)
    (lab.home / "closed").chmod(0)

    first, second, third = run(config), run(config), run(config)

    assert (first["status"], first["exit_code"]) == ("warning", 3)
    assert sorted(first["warnings"]) == [
        f"unreadable: {lab.home}/closed: Permission denied",
        f"unreadable: {lab.home}/secret: Permission denied",
    ]
    for later in (second, third):
        assert (later["status"], later["exit_code"]) == ("ok", 0)
        assert later["warnings"] == [f"2 paths are unreadable, as before: {lab.home}/closed, {lab.home}/secret"]
    whole = backupjump(config, "history", "nightly", "last")
    shown = whole.out[whole.out.index("not readable") :].splitlines()
    assert (shown[0], sorted(shown[1:3])) == ("not readable (2)", [f"  {lab.home}/closed", f"  {lab.home}/secret"])
    paths = backupjump(config, "history", "nightly", "last", "--json").json["paths"]
    assert paths["unreadable"]["count"] == 2

    make_unreadable(lab.home / "later")

    news, as_before = run(config), run(config)

    assert (news["status"], news["warnings"][0]) == ("warning", f"unreadable: {lab.home}/later: Permission denied")
    assert (as_before["status"], len(as_before["warnings"])) == ("ok", 1)


@pytest.mark.long
def test_what_became_readable_in_between_is_news_again(lab: Lab, config: Path) -> None:
    (lab.home / "secret").chmod(0)
    assert run(config)["status"] == "warning"
    (lab.home / "secret").chmod(0o600)
    assert (mended := run(config))["status"] == "ok"
    assert mended["warnings"] == []
    make_unreadable(lab.home / "secret")

    assert run(config)["status"] == "warning"


def test_what_a_rule_leaves_out_is_told_and_never_a_warning(lab: Lab, config: Path) -> None:
    job = config.parent / "jobs/nightly.yaml"
    job.write_text(job.read_text() + "max_size: 10 B\n")
    (lab.home / "large").write_text("more than ten bytes")

    first, second = run(config), run(config)

    assert (first["status"], second["status"]) == ("ok", "ok")
    large, in_closed = f"{lab.home}/large", f"{lab.home}/closed/file"
    assert sorted(first["warnings"]) == [
        f"left out, too large: {each}: larger than 10 bytes" for each in sorted((large, in_closed))
    ]
    assert second["warnings"] == [f"2 paths are left out, too large, as before: {in_closed}, {large}"]
