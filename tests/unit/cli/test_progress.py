from __future__ import annotations

import io
import logging

import pytest
from rich.console import Console

from backupjump.cli.options import Options
from backupjump.cli.progress import Board, Lines, Step, step_of, step_of_pull, watching
from backupjump.operations.under_way import Sight
from backupjump.rsync.progress import Progress

LAPTOP = {"desktop": "laptop", "route": "proxyjump", "attempt": 1, "source": 1, "sources": 1, "files_before": None}


def drawn(board: Board) -> str:
    console = Console(file=io.StringIO(), width=100, highlight=False)
    console.print(board.draw())
    return console.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("seen", "progress", "share"),
    [
        ({}, Progress(), None),
        ({}, Progress(percent=40, bytes_done=400, listing=True), None),
        ({}, Progress(percent=40, bytes_done=400, listing=False), 0.405),
        ({"files_before": 1_000}, Progress(checked=100, total=200, listing=True), 0.1),
        ({"files_before": 1_000}, Progress(checked=100, total=200, listing=False), 0.5),
        ({"files_before": 10}, Progress(checked=200, total=200, listing=False), 0.99),
        ({"files_before": 10}, Progress(), 0.0),
    ],
)
def test_how_far_a_pull_is_bytes_tell_at_first_and_files_later_on(
    seen: dict[str, int], progress: Progress, share: float | None
) -> None:
    assert step_of_pull(Sight(**{**LAPTOP, **seen}, progress=progress)).share == share


def test_a_block_names_the_desktop_the_route_the_source_and_the_try() -> None:
    sight = Sight(**{**LAPTOP, "attempt": 2, "source": 2, "sources": 3}, progress=Progress())

    assert step_of_pull(sight).about == "laptop by proxyjump, source 2 of 3, try 2"


def test_several_jobs_stand_below_each_other_under_way_and_to_come_without_those_that_are_over() -> None:
    board = Board(["nightly", "photos", "mail"])
    board.live = _Still()
    board.step("nightly", Step(told="x", share=0.5))
    with board.end("nightly"):
        pass
    board.step("photos", Step(told="1.2 GB, 12.3 MB/s", share=0.43, about="laptop by proxyjump"))

    lines = drawn(board).splitlines()

    assert lines[0].startswith("photos  laptop by proxyjump  0:00:0")
    assert " 43%" in lines[1]
    assert lines[2].strip() == "1.2 GB, 12.3 MB/s"
    assert lines[3].rstrip() == "mail    waiting"


def test_a_milestone_of_the_log_is_what_its_job_is_at() -> None:
    board = Board(["nightly"])
    board.milestone("nightly: reached laptop")
    board.milestone("another: thing")

    assert "reached laptop" in drawn(board)
    assert "thing" not in drawn(board)


def test_without_a_terminal_a_line_is_logged_each_half_minute_and_not_more(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="backupjump")
    lines = Lines()
    for _ in range(100):
        lines.step("nightly", Step(told="1 MB"))
    lines._last -= 31
    lines.step("nightly", Step(told="2 MB"))

    assert [record.message for record in caplog.records] == ["nightly: 2 MB"]


def test_what_is_called_a_million_times_is_shown_ten_times_a_second() -> None:
    lines, made = Lines(), []
    note = step_of(lines, "nightly", lambda count: made.append(count) or Step(told=str(count)))
    for count in range(10_000):
        note(count)

    assert 1 <= len(made) < 10


def test_where_stderr_is_no_terminal_nothing_is_drawn() -> None:
    with watching(["nightly"], Options()) as watch:
        assert isinstance(watch, Lines)


class _Still:
    """A display that shows nothing."""

    def stop(self) -> None: ...

    def start(self) -> None: ...
