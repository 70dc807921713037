"""The argv of a pull that brings what a list said has changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from backupjump.rsync.argv import pull_argv
from rsync_world import plan_of


@pytest.mark.parametrize("in_place", [False, True])
def test_by_a_list_it_is_the_same_for_these_names_alone_and_deletes_nothing(*, in_place: bool) -> None:
    plan = plan_of("/home/me", Path("/s/work/1/tree/home/me"), ("ssh",), Path("/s/a"), in_place=in_place)
    whole = plan.transfers[0]
    some = replace(whole, files_from=Path("/s/work/1/aside/names-0"), by_list=True)

    argv, ordinary = (pull_argv(plan, each, marker="m1") for each in (some, whole))

    assert [word for word in argv if word not in ordinary] == [
        "--files-from=-",
        "--from0",
        "--ignore-missing-args",
    ]
    assert [word for word in ordinary if word not in argv] == (
        ["--delete", "--delete-excluded", "--ignore-errors"] if in_place else []
    )


def test_a_sender_is_trusted_with_its_names_only_where_the_caller_vouches_for_them() -> None:
    plan = plan_of("/home/me", Path("/s/work/1/tree/home/me"), ("ssh",))
    some = replace(plan.transfers[0], files_from=Path("/s/work/1/aside/names-0"), by_list=True)

    trusting, ordinary = (pull_argv(plan, replace(some, vouched=each), marker="m1") for each in (True, False))

    assert [word for word in trusting if word not in ordinary] == ["--trust-sender"]
