from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backupjump.operations import sd
from backupjump.operations.agent import notice

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("published", "watched", "told", "due"),
    [
        (NOW - 3 * DAY, NOW - 90 * DAY, None, False),
        (NOW - 3.1 * DAY, NOW - 90 * DAY, None, True),
        (NOW - 3.1 * DAY, NOW - 90 * DAY, NOW - 0.9 * DAY, False),
        (NOW - 9 * DAY, NOW - 90 * DAY, NOW - DAY, True),
        (None, NOW - 2 * DAY, None, False),
        (None, NOW - 4 * DAY, None, True),
    ],
)
def test_the_owner_is_told_once_a_day_that_no_backup_comes_about(
    published: datetime | None, watched: datetime, told: datetime | None, due: bool
) -> None:
    assert notice.is_due(published, watched_since=watched, told_at=told, max_age=3 * DAY, now=NOW) is due


@pytest.mark.parametrize(
    ("published", "words"),
    [(None, "never been backed up"), (NOW - 9 * DAY, "last backup of this computer is 9 days old")],
)
def test_what_the_owner_is_told(published: datetime | None, words: str) -> None:
    assert words in notice.text(published, now=NOW)


def test_systemd_hears_what_is_said_to_it(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        said = sd.notify("READY=1", "STATUS=not due", environment={"NOTIFY_SOCKET": str(tmp_path / "notify")})
        heard = listening.recv(1000)

    assert (said, heard) == (True, b"READY=1\nSTATUS=not due")


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": "/not/there"}])
def test_without_systemd_nothing_is_said(environment: dict[str, str]) -> None:
    assert not sd.notify("READY=1", environment=environment)
