from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backupjump.operations import sd
from backupjump.operations.agent import notice

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def told(published: datetime | None, *, days: float, wanted: bool = True, awake_hours_a_day: float = 24) -> list[float]:
    """Watch from NOW on and return after how many hours the owner is told; a step is a minute of being awake."""
    watch, found, at = notice.Watch(NOW), [], 0.0
    for minute in range(int(days * 1440)):
        if minute % 1440 < awake_hours_a_day * 60:
            at += 60
            now = NOW + timedelta(minutes=minute)
            if watch.is_due(published, max_age=3 * DAY, wanted=wanted, at=at, now=now):
                found.append(minute / 60)
    return found


def test_the_owner_is_told_once_a_day_that_no_backup_comes_about() -> None:
    assert told(NOW, days=6) == pytest.approx([74, 98, 122], abs=0.1)
    assert told(None, days=4) == pytest.approx([74], abs=0.1)


def test_after_a_weekend_two_hours_of_waiting_come_first_and_sleep_is_no_waiting() -> None:
    assert told(NOW - 3 * DAY, days=0.08) == []
    assert told(NOW - 3 * DAY, days=3, awake_hours_a_day=0.8) == pytest.approx([48.4], abs=0.1)


def test_what_the_owner_has_put_off_is_no_waiting() -> None:
    assert told(NOW - 9 * DAY, days=3, wanted=False) == []


@pytest.mark.parametrize(
    ("published", "words"),
    [(None, "never been backed up"), (NOW - 9 * DAY, "last backup of this computer is 9 days old")],
)
def test_what_the_owner_is_told(published: datetime | None, words: str) -> None:
    assert words in notice.text(published, now=NOW)


def test_the_owner_is_told_on_the_desktop_where_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    without = notice.tell("A backup is missing.")
    program = tmp_path / "notify-send"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >{tmp_path}/told\n')
    program.chmod(0o755)

    shown = notice.tell("A backup is missing.")

    assert (without, shown) == (False, True)
    assert (tmp_path / "told").read_text().splitlines()[-2:] == ["backupjump", "A backup is missing."]


def test_systemd_hears_what_is_said_to_it(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        said = sd.notify("READY=1", "STATUS=not due", environment={"NOTIFY_SOCKET": str(tmp_path / "notify")})
        heard = listening.recv(1000)

    assert (said, heard) == (True, b"READY=1\nSTATUS=not due")


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": "/not/there"}])
def test_without_systemd_nothing_is_said(environment: dict[str, str]) -> None:
    assert not sd.notify("READY=1", environment=environment)
