from __future__ import annotations

from datetime import UTC, datetime

import pytest

from backupjump.operations.whole_run import paths_of, pick, what_was_compared
from backupjump.run import Run, Status

AT = datetime(2026, 11, 22, 2, 30, tzinfo=UTC)


def a_run(run_id: str, snapshot: str | None) -> Run:
    return Run(
        run_id=run_id,
        job="nightly",
        desktop="d",
        route="proxyjump",
        status=Status.OK,
        exit_code=0,
        snapshot=snapshot,
        started_at=AT,
        ended_at=AT,
        attempts=1,
    )


RUNS = (
    a_run("20261121T023001Z-aaaaaa", "2026-11-21T02-30-00Z"),
    a_run("20261122T023001Z-bbbbbb", None),
    a_run("20261122T033001Z-cccccc", "2026-11-22T03-30-00Z"),
)


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        ("last", 2),
        ("20261121T023001Z-aaaaaa", 0),
        ("20261122T02", 1),
        ("20261122", 2),
        ("2026-11-21", 0),
        ("2026-11", 2),
        ("2027", None),
        ("", None),
    ],
)
def test_a_run_is_named_by_its_id_or_its_snapshot_s_and_of_several_the_newest_is_meant(
    wanted: str, index: int | None
) -> None:
    assert pick(RUNS, wanted) == (None if index is None else RUNS[index])


def test_a_job_that_never_ran_has_no_last_run() -> None:
    assert pick((), "last") is None


def test_paths_are_told_by_what_became_of_them_and_how_many_there_were() -> None:
    how = {
        "unreadable_paths": ["/a", "/b"],
        "unreadable": 5,
        "vanished_paths": ["/c"],
        "vanished": 1,
        "left_out_paths": [],
    }

    assert [(each.key, each.paths, each.count) for each in paths_of(how)] == [
        ("unreadable", ("/a", "/b"), 5),
        ("vanished", ("/c",), 1),
    ]


@pytest.mark.parametrize("how", [None, [], {}, {"unreadable_paths": [7]}, {"vanished_paths": ["/c"], "vanished": "x"}])
def test_what_is_damaged_there_is_passed_over(how: object) -> None:
    assert all(each.count == len(each.paths) for each in paths_of(how))


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"transfer": {"by": "list", "why": ""}}, "what the Desktop's list said had changed"),
        ({"transfer": {"by": "whole", "why": "the first backup"}}, "everything: the first backup"),
        ({"transfer": {"by": "magic"}}, ""),
        ({"transfer": None}, ""),
        ({}, ""),
        (None, ""),
    ],
)
def test_a_run_says_what_it_compared_where_its_snapshot_tells(how: object, said: str) -> None:
    assert what_was_compared(how) == said
