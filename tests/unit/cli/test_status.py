"""`status` as people see it: one job of each word."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from backupjump.cli.status import status_lines
from backupjump.operations.job_state import JobState, State
from backupjump.run import Status

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def stands(job: str, state: State, hours_ago: float | None, due_in: float | None, help_: str = "") -> JobState:
    return JobState(
        job=job,
        state=state,
        last_good_at=NOW - timedelta(hours=hours_ago) if hours_ago is not None else None,
        next_due_at=NOW + timedelta(hours=due_in) if due_in is not None else None,
        last_status=Status.OK,
        help=help_,
        size_bytes=None if hours_ago is None else 80_000_000_000,
    )


OF_EACH = (
    stands("attic", State.GOOD, 3, 14.5),
    stands("den", State.AWAY, 30, -6, "last seen 2026-11-21 06:00; when its tunnel is open: backupjump run den"),
    stands("garage", State.DEFERRED, 26, -2, "put off on the desktop (battery at 17 %); nothing to do"),
    stands("laptop", State.LATE, 220, -200, "is the desktop on, its tunnel open? then: backupjump run laptop"),
    stands("new", State.LATE, None, -1, "no backup yet; is the desktop on, its tunnel open? then: backupjump run new"),
    stands("office", State.BROKEN, 2, 1, "on the Desktop: sudo apt-get install rsync"),
    stands("photos", State.SUSPECT, 100, None, "see what changed, and say so if it is right: backupjump ack photos"),
)


def test_each_word_stands_beside_its_job_and_below_it_the_one_command_that_helps() -> None:
    assert list(status_lines(OF_EACH, now=NOW)) == [
        "job     state     last good     next due        size",
        "attic   good      3 hours ago   in 14 hours    80 GB",
        "den     away      30 hours ago  now            80 GB",
        "        last seen 2026-11-21 06:00; when its tunnel is open: backupjump run den",
        "garage  deferred  26 hours ago  now            80 GB",
        "        put off on the desktop (battery at 17 %); nothing to do",
        "laptop  late      9 days ago    now            80 GB",
        "        is the desktop on, its tunnel open? then: backupjump run laptop",
        "new     late      never         now",
        "        no backup yet; is the desktop on, its tunnel open? then: backupjump run new",
        "office  broken    2 hours ago   in 60 minutes  80 GB",
        "        on the Desktop: sudo apt-get install rsync",
        "photos  suspect   4 days ago                   80 GB",
        "        see what changed, and say so if it is right: backupjump ack photos",
        "",
        "4 of 7 jobs need you",
    ]


def test_nothing_to_do_is_said_too() -> None:
    assert list(status_lines(OF_EACH[:1], now=NOW))[-1] == "nothing needs you: 1 job"


@pytest.mark.parametrize("columns", [20, 60, 200])
def test_on_a_terminal_no_word_is_broken_and_colour_says_nothing_that_a_word_does_not(columns: int) -> None:
    plain, coloured = list(status_lines(OF_EACH, now=NOW)), list(status_lines(OF_EACH, now=NOW, columns=columns))

    without = "\n".join(coloured).replace("\x1b[0m", "").replace("\x1b[1m", "")
    for code in (31, 32, 33):
        without = without.replace(f"\x1b[{code}m", "")
    assert without.split() == "\n".join(plain).split()
