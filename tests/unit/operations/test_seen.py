from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from backupjump.config.models import Job
from backupjump.operations.gate import DesktopTunnel
from backupjump.operations.remembered import Remembered, recall, remember
from backupjump.operations.seen import contacts, put_off, trouble
from backupjump.run import Run, Status, exit_code_of

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ZONE = ZoneInfo("Europe/Paris")
WHEN_DUE = DesktopTunnel(opens="when-due", every="20h")
PUT_OFF = replace(WHEN_DUE, deferred_at=NOW - timedelta(hours=5), deferred_why="paused\x1b[2J")


def hours_ago(hours: float) -> datetime:
    return NOW - timedelta(hours=hours)


def job(every: Any = "day") -> Job:
    schedule = {"every": every} if every is not None else None
    return Job.model_validate({"name": "n", "desktop": "d", "sources": ["/home/me"], "schedule": schedule})


def told(tunnel: DesktopTunnel | None) -> Remembered:
    return Remembered(at=hours_ago(1), tunnel=tunnel)


def windows(*each: tuple[str, str, str]) -> DesktopTunnel:
    return DesktopTunnel(opens="windows", every="20h", windows=each)


@pytest.mark.parametrize(
    "tunnel", [None, WHEN_DUE, PUT_OFF, windows(("mon thu", "22:00", "3h"), ("day", "02:00", "1h"))]
)
def test_what_a_desktop_said_is_recalled_as_it_was(tmp_path: Path, tunnel: DesktopTunnel | None) -> None:
    remember(tmp_path, "laptop", WHEN_DUE, now=hours_ago(9))
    remember(tmp_path, "laptop", tunnel, now=NOW)

    assert recall(tmp_path, "laptop") == Remembered(at=NOW, tunnel=tunnel)
    assert (tmp_path / "desktops/laptop.json").stat().st_mode & 0o777 == 0o600
    assert recall(tmp_path, "other") is None


def test_what_a_hostile_desktop_says_is_cut_short_before_it_is_kept(tmp_path: Path) -> None:
    remember(tmp_path, "laptop", windows(*[("x" * 5000, "y" * 5000, "z" * 5000)] * 500), now=NOW)

    found = recall(tmp_path, "laptop")

    assert found is not None
    assert found.tunnel is not None
    assert len(found.tunnel.windows) == 50
    assert (tmp_path / "desktops/laptop.json").stat().st_size < 20_000


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"at": 5, "tunnel": null}', '{"at": "2026-11-22", "tunnel": null}'])
def test_a_damaged_note_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "desktops").mkdir()
    (tmp_path / "desktops/laptop.json").write_text(text)

    assert recall(tmp_path, "laptop") is None


def test_the_owner_has_put_off_what_no_backup_has_followed_safe_to_show() -> None:
    assert put_off(told(PUT_OFF), None) == "paused\\x1b[2J"
    assert put_off(told(PUT_OFF), hours_ago(6)) == "paused\\x1b[2J"
    assert put_off(told(PUT_OFF), hours_ago(4)) == ""
    assert put_off(told(WHEN_DUE), None) == ""
    assert put_off(told(None), None) == ""
    assert put_off(None, None) == ""


@pytest.mark.parametrize(
    ("tunnel", "every", "is_trouble"),
    [
        (WHEN_DUE, "day", False),
        (replace(WHEN_DUE, every="8d"), "day", False),
        (replace(WHEN_DUE, every="9d"), "day", True),
        (replace(WHEN_DUE, every="9d"), "week", False),
        (replace(WHEN_DUE, every="9d"), None, False),
        (replace(WHEN_DUE, every="soon"), "day", False),
        (DesktopTunnel(opens="always", every="999d"), "day", False),
        (DesktopTunnel(opens="never heard of", every="999d"), "day", False),
        (windows(("sun", "22:00", "3h")), "day", False),
        (windows(("mon wed", "22:00", "3h")), "day", False),
        (windows(("month", "02:00", "3h")), "day", True),
        (windows(("month", "02:00", "3h")), "month", False),
        (windows(("3 weeks", "02:00", "3h")), ["mon"], True),
        (windows(("month", "02:00", "3h"), ("day", "02:00", "1h")), "day", False),
        (windows(("\x1b", "02:00", "3h")), "day", False),
        (windows(), "day", True),
    ],
)
def test_a_job_whose_desktop_stays_closed_for_a_week_when_it_is_due_is_told(
    tunnel: DesktopTunnel, every: Any, is_trouble: bool
) -> None:
    found = trouble(job(every), told(tunnel), hours_ago(3), zone=ZONE, now=NOW)

    assert found.startswith("its tunnel stays closed for 7 days") == is_trouble
    assert bool(found) == is_trouble


def test_a_desktop_was_reached_where_data_moved_or_it_said_not_now() -> None:
    run = Run(
        run_id="r", job="n", desktop="d", route="proxyjump", status=Status.OK, exit_code=0, snapshot=None,
        started_at=NOW, ended_at=NOW, attempts=1,
    )  # fmt: skip
    runs = [
        replace(run, status=status, exit_code=exit_code_of(status), attempts=attempts, started_at=hours_ago(number))
        for number, (status, attempts) in enumerate(
            [(Status.OK, 1), (Status.FAILED, 0), (Status.DEFERRED, 0), (Status.INTERRUPTED, 2), (Status.AWAY, 0)]
        )
    ]

    assert contacts(runs) == [hours_ago(0), hours_ago(2), hours_ago(3)]
