"""Each reason why a list is not gone by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from backupjump.config.models import Job
from backupjump.operations.by_list.trust import told_of_transfer, why_no_list, why_not_trusted, why_whole
from backupjump.operations.gate import Gate
from backupjump.store.layout import JobFolder
from backupjump.store.snapshots import Snapshot
from backupjump.store.staging import Staging
from retention_world import make

NOW = datetime(2026, 11, 22, 2, 30, tzinfo=UTC)
JOB = Job.model_validate({"name": "nightly", "desktop": "d", "sources": ["/home/me"], "full_every": "30d"})
SELECTION = {"exclude": ["*.tmp"]}
HOW = {
    "list": {"at_ns": 1_000_000_000_000},
    "transfer": {"by": "list", "why": "", "whole_at": "2026-11-01T00:00:00Z"},
    "selection": SELECTION,
}
BASE = replace(make(NOW - timedelta(days=1)), sources=("/home/me",))
OTHER = replace(make(NOW - timedelta(days=2)), sources=("/home/me",))


def staging(*, base: Snapshot | None = BASE, last_good: Snapshot | None = BASE, goes_on: bool = False) -> Staging:
    return Staging(
        id="x",
        sequence=3,
        folder=JobFolder(Path("/s"), "d", "nightly"),
        sources=("/home/me",),
        base=base,
        last_good=last_good,
        older=(),
        goes_on=goes_on,
    )


def why(of: Staging, how: Mapping[str, Any], *, now: datetime = NOW) -> str:
    return why_whole(of, how, job=JOB, selection=SELECTION, now=now)


def test_where_all_is_as_it_was_a_list_may_do() -> None:
    assert why(staging(), HOW) == ""


@pytest.mark.parametrize(
    ("of", "how", "reason"),
    [
        (staging(base=None, last_good=None), {}, "the first backup"),
        (staging(last_good=None), HOW, "the first backup"),
        (staging(last_good=OTHER), HOW, "is suspect"),
        (staging(base=replace(BASE, problem="x"), last_good=replace(BASE, problem="x")), HOW, "is damaged"),
        (staging(base=replace(BASE, damaged=1)), HOW, "is damaged"),
        (staging(), {}, "was made without a list"),
        (staging(), HOW | {"list": None}, "was made without a list"),
        (staging(), HOW | {"transfer": None}, "was made without a list"),
        (staging(), HOW | {"transfer": "list"}, "was made without a list"),
        (staging(), HOW | {"transfer": {"whole_at": None}}, "was made without a list"),
        (staging(), HOW | {"selection": {"exclude": []}}, "sources or rules were changed"),
        (staging(base=replace(BASE, sources=("/home",))), HOW, "sources or rules were changed"),
        (staging(goes_on=True), HOW, "a broken-off run"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_each_reason_to_compare_all_is_told(of: Staging, how: Mapping[str, Any], reason: str) -> None:
    assert reason in why(of, how)


@pytest.mark.parametrize(
    ("after", "is_due"),
    [
        (timedelta(days=29, hours=23), False),
        (timedelta(days=30), True),
        (timedelta(days=31), True),
        (timedelta(seconds=-1), True),
    ],
    ids=["before", "at the time", "after", "the clock of this machine went back"],
)
def test_all_is_compared_every_so_often(after: timedelta, *, is_due: bool) -> None:
    reason = why(staging(), HOW, now=datetime(2026, 11, 1, tzinfo=UTC) + after)

    assert (reason == "all was compared last on 2026-11-01 (full_every)") is is_due
    assert bool(reason) is is_due


@pytest.mark.parametrize(
    ("filesystems", "reason"),
    [
        (["ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay"], ""),
        (["ext4", "vfat"], "the sources lie on vfat"),
        (["fuse.sshfs"], "the sources lie on fuse.sshfs"),
        (["nfs4"], "the sources lie on nfs4"),
        ([""], "it is not known on which file system the sources lie"),
    ],
)
def test_only_where_inodes_and_ctimes_are_the_systems_own_they_are_gone_by(filesystems: list[str], reason: str) -> None:
    assert why_not_trusted(HOW, at_ns=2_000_000_000_000, filesystems=filesystems) == reason


@pytest.mark.parametrize(
    ("how", "at_ns", "went_back"),
    [
        (HOW, 1_000_000_000_000, False),
        (HOW, 998_000_000_000, False),
        (HOW, 997_999_999_999, True),
        ({}, 2_000_000_000_000, True),
        ({"list": {"at_ns": "now"}}, 2_000_000_000_000, True),
        ({"list": {"at_ns": None}}, 2_000_000_000_000, True),
    ],
)
def test_a_clock_that_went_back_makes_the_ctimes_worth_nothing(
    how: Mapping[str, Any], at_ns: int, *, went_back: bool
) -> None:
    assert bool(why_not_trusted(how, at_ns=at_ns, filesystems=["ext4"])) is went_back


def test_without_a_gate_that_lists_and_confines_there_is_no_list() -> None:
    assert why_no_list(None) == "no gate on the Desktop"


@pytest.mark.parametrize(
    ("lists", "confines", "reason"),
    [
        (True, True, ""),
        (False, True, "of a version without lists"),
        (True, False, "can't be kept inside a folder"),
    ],
)
def test_a_gate_must_list_and_confine(*, lists: bool, confines: bool, reason: str) -> None:
    gate = Gate(version=1, rsync_said="", confines=confines, roots={}, clock=NOW, hooks=(), lists=lists)

    said = why_no_list(gate)

    assert reason in said
    assert bool(said) is bool(reason)


def test_what_is_kept_says_when_all_was_compared_last() -> None:
    assert told_of_transfer({}, why="the first backup", now=NOW) == {
        "by": "whole",
        "why": "the first backup",
        "whole_at": "2026-11-22T02:30:00Z",
    }
    assert told_of_transfer(HOW, why="", now=NOW) == {"by": "list", "why": "", "whole_at": "2026-11-01T00:00:00Z"}
