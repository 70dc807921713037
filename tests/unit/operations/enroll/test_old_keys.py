"""Which lines a renewal has replaced: those above the one that the Server has come with, and no others."""

from __future__ import annotations

from pathlib import Path

import pytest

from backupjump.operations.enroll.authorized_keys import DATA, Mark, data_line
from backupjump.operations.enroll.old_keys import replaced_marks

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIkPlXvSGjQqwLaWQzK9JPEqrPFzGLkQBjYIuAkPPzgR"
CONFIG = Path("/etc/backupjump/backupjump.yaml")
OTHER = Path("/etc/backupjump/backupjump.yaml.2")
FIRST, SECOND, THIRD = (Mark(DATA, "laptop", each) for each in ("0a0a0a0a", "1b1b1b1b", "2c2c2c2c"))


def line(mark: Mark, config: Path = CONFIG) -> str:
    argv = ("/usr/bin/backupjump-gate", "--config", str(config), "--enrolment", mark.id)
    return data_line(mark, KEY, gate_argv=argv, expires=None)


@pytest.mark.parametrize(
    ("seen", "replaced"),
    [
        (None, ()),
        ("ffffffff", ()),
        (FIRST.id, ()),
        (SECOND.id, (FIRST,)),
        (THIRD.id, (FIRST, SECOND)),
    ],
)
def test_only_what_stands_above_the_line_that_was_used_goes(seen: str | None, replaced: tuple[Mark, ...]) -> None:
    content = "\n".join(["# mine", line(FIRST), line(SECOND), line(THIRD), ""]).encode()

    assert replaced_marks(content, CONFIG, seen=seen) == replaced


@pytest.mark.parametrize(
    "above",
    [
        line(Mark(DATA, "laptop2", "0a0a0a0a")),
        line(FIRST, OTHER),
        line(FIRST).replace(":data:", ":tunnel:"),
        f"# {line(FIRST)}",
        line(FIRST).removesuffix(f" {FIRST}"),
    ],
    ids=["another Server's name", "another config", "another kind", "off", "not ours"],
)
def test_a_line_that_is_not_of_this_enrolment_stays(above: str) -> None:
    content = f"{above}\n{line(SECOND)}\n".encode()

    assert replaced_marks(content, CONFIG, seen=SECOND.id) == ()
