"""By a list rsync logs in before its names are known, and is told them when they are."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from backupjump.errors import LinkLost
from backupjump.rsync.head_start import HeadStart
from backupjump.rsync.plan import Plan
from backupjump.rsync.transfer import transfer
from program import until
from rsync_world import PLAIN_SHELL, plan_of, remote_shell

pytestmark = pytest.mark.lab

# The shell is this process, and what it becomes.
LOGGING_IN = 'echo $$ >> "{}"\n' + PLAIN_SHELL


@pytest.fixture
def logins(tmp_path: Path) -> Callable[[], list[int]]:
    def read() -> list[int]:
        told = tmp_path / "logins"
        return [int(pid) for pid in told.read_text().split()] if told.exists() else []

    return read


@pytest.fixture
def plan(source: Path, target: Path, tmp_path: Path) -> Plan:
    whole = plan_of(source, target, remote_shell(tmp_path, LOGGING_IN.format(tmp_path / "logins")))
    one = replace(whole.transfers[0], files_from=tmp_path / "names", by_list=True)
    return replace(whole, transfers=(one,))


def test_what_was_started_ahead_brings_the_names_that_it_is_told_later(
    plan: Plan, source: Path, target: Path, tmp_path: Path, logins: Callable[[], list[int]]
) -> None:
    (source / "asked").write_bytes(b"for")
    (source / "not asked").touch()

    with HeadStart() as ahead:
        ahead.begin(plan, plan.transfers[0])
        (tmp_path / "names").write_bytes(b"asked\0")
        transfer(plan, ahead=ahead)

    assert [path.name for path in target.iterdir()] == ["asked"]
    assert len(logins()) == 1


def test_more_names_than_a_pipe_holds_come_through(plan: Plan, source: Path, target: Path, tmp_path: Path) -> None:
    names = [f"{number:05}" + "x" * 100 for number in range(3000)]
    for name in names:
        (source / name).touch()
    (tmp_path / "names").write_bytes(b"".join(os.fsencode(name) + b"\0" for name in names))

    with HeadStart() as ahead:
        ahead.begin(plan, plan.transfers[0])
        transfer(plan, ahead=ahead)

    assert sorted(path.name for path in target.iterdir()) == names


def test_where_another_rsync_is_wanted_the_one_that_was_started_ends_and_that_one_begins(
    plan: Plan, source: Path, target: Path, tmp_path: Path, logins: Callable[[], list[int]]
) -> None:
    (source / "asked").touch()
    (tmp_path / "names").write_bytes(b"asked\0")

    with HeadStart() as ahead:
        ahead.begin(replace(plan, compress=True), plan.transfers[0])
        until(lambda: logins(), what="the first login")
        transfer(plan, ahead=ahead)

    assert [path.name for path in target.iterdir()] == ["asked"]
    assert [is_running(pid) for pid in logins()] == [False, False]


def test_one_that_nobody_takes_is_ended(plan: Plan, logins: Callable[[], list[int]]) -> None:
    with HeadStart() as ahead:
        ahead.begin(plan, plan.transfers[0])
        until(lambda: logins(), what="the login")

    assert [is_running(pid) for pid in logins()] == [False]


def test_of_several_transfers_each_is_started_once_with_its_own_names(
    plan: Plan, source: Path, target: Path, tmp_path: Path, logins: Callable[[], list[int]]
) -> None:
    (source / "a").mkdir()
    (source / "a/x").touch()
    (tmp_path / "names").write_bytes(b"x\0")
    second = replace(plan.transfers[0], source=f"{source}/a", target=target / "a")
    (target / "a").mkdir(parents=True)
    (source / "x").touch()
    both = replace(plan, transfers=(*plan.transfers, second))

    transfer(both)

    assert (target / "x").exists()
    assert (target / "a/x").exists()
    assert len(logins()) == 2


def test_what_is_wrong_with_it_is_told_when_it_is_taken(plan: Plan, tmp_path: Path) -> None:
    (tmp_path / "names").write_bytes(b"asked\0")
    broken = replace(plan, remote_shell=remote_shell(tmp_path, "echo no such machine >&2\nexit 255"))

    with HeadStart() as ahead:
        ahead.begin(broken, broken.transfers[0])
        with pytest.raises(LinkLost, match="no such machine"):
            transfer(broken, ahead=ahead)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False
