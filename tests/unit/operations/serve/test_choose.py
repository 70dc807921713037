from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from backupjump.operations.serve.choose import Running, Waiting, due_desktops, to_start

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def waits(job: str, *, minutes: float = 0, desktop: str | None = None) -> Waiting:
    due_at = NOON - timedelta(minutes=minutes)
    return Waiting(job=job, desktop=desktop or job, due_at=due_at)


def runs(job: str, *, desktop: str | None = None, jump_node: str | None = "jump") -> Running:
    return Running(job=job, desktop=desktop or job, jump_node=jump_node)


@pytest.mark.parametrize(
    ("waiting", "running", "reached", "most", "started"),
    [
        ([], [], ["a"], 2, []),
        ([waits("a")], [], [], 2, []),
        ([waits("a")], [], ["a"], 2, ["a"]),
        ([waits("a", minutes=-1)], [], ["a"], 2, []),
        ([waits("a", minutes=1), waits("b", minutes=9), waits("c", minutes=5)], [], ["a", "b", "c"], 2, ["b", "c"]),
        ([waits("a"), waits("b")], [runs("c")], ["a", "b"], 2, ["a"]),
        ([waits("a")], [runs("b"), runs("c", jump_node=None)], ["a"], 2, []),
        ([waits("a")], [runs("b", desktop="a")], ["a"], 2, []),
        ([waits("a", desktop="d"), waits("b", desktop="d")], [], ["d"], 2, ["a"]),
        ([waits("a"), waits("b"), waits("c")], [], ["a", "b:other", "c:"], 3, ["a", "b", "c"]),
        ([waits("a"), waits("b")], [runs("c", jump_node="other")], ["a:other", "b"], 2, ["a"]),
    ],
)  # fmt: skip
def test_what_is_started_is_due_reached_and_within_the_limits_the_longest_due_first(
    waiting: list[Waiting], running: list[Running], reached: list[str], most: int, started: list[str]
) -> None:
    found = {name: over if colon else "jump" for name, colon, over in (each.partition(":") for each in reached)}

    chosen = to_start(waiting, running, reached=found, max_parallel=most, now=NOON)

    assert [each.job for each in chosen] == started


def test_only_desktops_that_something_waits_for_and_nothing_runs_on_are_looked_for() -> None:
    waiting = [waits("a"), waits("b", minutes=-1), waits("c"), waits("d", desktop="a")]

    assert due_desktops(waiting, [runs("x", desktop="c")], now=NOON) == {"a"}
