from __future__ import annotations

import shlex
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupjump.errors import UsageError
from backupjump.timing.cron import block, cron_lines, fixed_minute, with_block
from backupjump.timing.slots import Slots, Timer

OWNER = "/etc/backupjump/backupjump.yaml"
HOUR = timedelta(hours=1)


def timer(slots: Slots | None = None, *, look: timedelta = HOUR, argv: tuple[str, ...] = ("/bin/run", "it")) -> Timer:
    return Timer(job="nightly", desktop="laptop", slots=slots, look=look, argv=argv)


@pytest.mark.parametrize(
    ("slots", "expected"),
    [
        ({}, "30 2 * * *"),
        ({"weekdays": (6,)}, "30 2 * * 0"),
        ({"weekdays": (0, 3, 6)}, "30 2 * * 0,1,4"),
        ({"monthly": True}, "30 2 1 * *"),
    ],
)
def test_clock_times_get_a_line_of_their_own_beside_the_hourly_one(slots: dict[str, Any], expected: str) -> None:
    lines = cron_lines(timer(Slots(clock="02:30", zone="Europe/Paris", **slots)), in_local_time=True)

    assert lines == [f"{fixed_minute('nightly')} * * * * /bin/run it", f"{expected} /bin/run it"]


def test_a_foreign_zone_leaves_the_hourly_line_alone() -> None:
    lines = cron_lines(timer(Slots(clock="02:30", zone="Asia/Tokyo")), in_local_time=False)

    assert lines == [f"{fixed_minute('nightly')} * * * * /bin/run it"]


def test_a_job_that_counts_from_its_last_snapshot_is_looked_at_more_often() -> None:
    (line,) = cron_lines(timer(look=timedelta(minutes=15)), in_local_time=True)

    minutes = [int(minute) for minute in line.split()[0].split(",")]
    assert len(minutes) == 4
    assert {later - minute for minute, later in pairwise(minutes)} == {15}


def test_jobs_start_at_minutes_of_their_own_that_stay() -> None:
    minutes = [fixed_minute(f"job{number}") for number in range(60)]

    assert len(set(minutes)) > 30
    assert all(0 <= minute < 60 for minute in minutes)
    assert fixed_minute("nightly") == 6


def test_no_path_can_end_the_command_or_the_line() -> None:
    (line,) = cron_lines(timer(argv=("/o'pt/100% sure/$(x)", "run")), in_local_time=True)
    command = line.split(" ", 5)[5]

    assert shlex.split(command.replace("\\%", "%")) == ["/o'pt/100% sure/$(x)", "run"]
    assert "%" not in command.replace("\\%", "")
    with pytest.raises(UsageError, match=r"can't stand in a crontab"):
        cron_lines(timer(argv=("/opt/a\n* * * * * rm",)), in_local_time=True)


BLOCK = block(["1 * * * * it"], owner=OWNER)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"", BLOCK.encode()),
        (b"# mine\n5 * * * * own\n", b"# mine\n5 * * * * own\n" + BLOCK.encode()),
        (b"5 * * * * own", b"5 * * * * own\n" + BLOCK.encode()),
        (
            b"\xff a\r\n" + block(["old"], owner=OWNER).encode() + b"\n\n# z",
            b"\xff a\r\n" + BLOCK.encode() + b"\n\n# z",
        ),
        (block(["x"], owner="/other.yaml").encode(), (block(["x"], owner="/other.yaml") + BLOCK).encode()),
    ],
)
def test_the_block_takes_the_place_of_the_older_one_and_every_other_line_stays(before: bytes, after: bytes) -> None:
    assert with_block(before, BLOCK, owner=OWNER) == after
    assert with_block(after, BLOCK, owner=OWNER) == after


@given(st.lists(st.binary(max_size=20).filter(lambda line: b"\n" not in line and b"backupjump" not in line)))
def test_what_was_put_in_can_be_taken_out_without_a_trace(lines: list[bytes]) -> None:
    before = b"".join(line + b"\n" for line in lines)

    assert with_block(with_block(before, BLOCK, owner=OWNER), "", owner=OWNER) == before


@pytest.mark.parametrize("lost", [0, -1])
def test_marks_that_do_not_pair_stop_it(lost: int) -> None:
    lines = BLOCK.splitlines(keepends=True)
    del lines[lost]

    with pytest.raises(UsageError, match="don't pair"):
        with_block("".join(lines).encode(), BLOCK, owner=OWNER)
