"""What sshd's StrictModes holds against an authorized_keys."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from backupjump.operations.doctor.strict_modes import judge, loose_parts

ME = 1000


@pytest.mark.parametrize(
    ("owner", "mode", "why"),
    [
        (ME, 0o100600, None),
        (0, 0o040755, None),
        (ME, 0o100660, "others may write"),
        (ME, 0o100606, "others may write"),
        (0, 0o041777, "others may write"),
        (1001, 0o100600, "belongs to another account (1001)"),
    ],
)
def test_owner_and_mode_decide(owner: int, mode: int, why: str | None) -> None:
    loose = judge(Path("/home/me/.ssh"), owner=owner, mode=mode, uid=ME)

    assert (loose is None) == (why is None)
    assert loose is None or why in loose.why  # type: ignore[operator]


def test_the_way_is_followed_up_to_the_home_and_no_further(tmp_path: Path) -> None:
    home = tmp_path / "open/home"
    file = home / ".ssh/authorized_keys"
    file.parent.mkdir(parents=True, mode=0o700)
    file.touch(0o600)
    home.parent.chmod(0o777)
    home.chmod(0o755)

    assert loose_parts(file, home=home, uid=os.getuid()) == ()
    home.chmod(0o775)
    (loose,) = loose_parts(file, home=home, uid=os.getuid())
    assert loose.fix == f"chmod go-w {home}"


def test_a_file_outside_the_home_is_followed_to_the_top(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.touch(0o600)
    tmp_path.chmod(0o777)

    assert loose_parts(file, home=Path("/nowhere"), uid=os.getuid())[0].fix == f"chmod go-w {tmp_path}"


def test_a_file_that_is_not_there_is_somebody_else_s_finding(tmp_path: Path) -> None:
    assert loose_parts(tmp_path / "keys", home=tmp_path, uid=0) == ()
