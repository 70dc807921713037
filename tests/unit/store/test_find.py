"""Which snapshot a person means."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from backupjump.errors import UsageError
from backupjump.run import Status
from backupjump.store.find import find_snapshot, read_moment
from backupjump.store.layout import read_id
from backupjump.store.snapshots import Snapshot, newest_good

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def snapshot(id_: str, status: Status = Status.OK, problem: str = "") -> Snapshot:
    when = read_id(id_)
    assert when is not None
    return Snapshot(id=id_, path=Path(), desktop="d", job="j", status=status, taken_at=when[0], problem=problem)


SNAPSHOTS = (
    snapshot("2026-11-18T02-30-00Z"),
    snapshot("2026-11-19T02-30-00Z", Status.WARNING),
    snapshot("2026-11-20T02-30-00Z", Status.SUSPECT),
    snapshot("2026-11-20T02-30-00Z-2"),
    snapshot("2026-11-22T02-30-00Z", problem="damaged"),
)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (None, "2026-11-20T02-30-00Z-2"),
        ("latest", "2026-11-20T02-30-00Z-2"),
        ("latest~0", "2026-11-20T02-30-00Z-2"),
        ("latest~1", "2026-11-19T02-30-00Z"),
        ("latest~2", "2026-11-18T02-30-00Z"),
        ("2026-11-20T02-30-00Z", "2026-11-20T02-30-00Z"),
        ("2026-11-22", "2026-11-22T02-30-00Z"),
        ("2026-11-18T", "2026-11-18T02-30-00Z"),
    ],
)
def test_a_snapshot_is_named_by_id_beginning_or_age(wanted: str | None, found: str) -> None:
    assert find_snapshot(SNAPSHOTS, wanted, now=NOW).id == found


@pytest.mark.parametrize(
    ("wanted", "hint"),
    [
        ("latest~3", "latest~2"),
        ("2026-11-2", "write more of it"),
        ("2026-11-20T02", "2026-11-20T02-30-00Z-2"),
        ("2026-11-19T02-30-01Z", "did you mean 2026-11-19T02-30-00Z?"),
        ("newest", "backupjump snapshots"),
        ("", "backupjump snapshots"),
        ("../../etc", "backupjump snapshots"),
    ],
)
def test_a_name_that_fits_none_or_several_gets_a_hint(wanted: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        find_snapshot(SNAPSHOTS, wanted, now=NOW)

    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("at", "found"),
    [
        ("1d", "2026-11-20T02-30-00Z-2"),
        ("3 days", "2026-11-19T02-30-00Z"),
        ("2026-11-19", "2026-11-19T02-30-00Z"),
        ("2026-11-20T02:29:59+00:00", "2026-11-19T02-30-00Z"),
        ("2026-11-20T03:30:00+01:00", "2026-11-20T02-30-00Z-2"),
    ],
)
def test_a_time_gives_the_newest_good_snapshot_that_is_not_younger(at: str, found: str) -> None:
    assert find_snapshot(SNAPSHOTS, None, at=at, now=NOW).id == found


@pytest.mark.parametrize("at", ["2026-11-17", "30d", "yesterday", "2026-13-40", "02:30", "99999999999999 days"])
def test_a_time_before_all_or_none_at_all_is_refused(at: str) -> None:
    with pytest.raises(UsageError):
        find_snapshot(SNAPSHOTS, None, at=at, now=NOW)


def test_a_day_ends_where_the_zone_says() -> None:
    moment = read_moment("2026-11-20", now=NOW, zone=ZoneInfo("Asia/Tokyo"))

    assert moment.astimezone(UTC) == datetime(2026, 11, 20, 14, 59, 59, tzinfo=UTC)


def test_a_name_and_a_time_at_once_are_refused() -> None:
    with pytest.raises(UsageError, match="not both"):
        find_snapshot(SNAPSHOTS, "latest", at="2d", now=NOW)


def test_with_no_good_snapshot_there_is_no_latest() -> None:
    assert newest_good(SNAPSHOTS[2:3]) is None
    with pytest.raises(UsageError, match="no good snapshot yet"):
        find_snapshot(SNAPSHOTS[2:3], None, now=NOW)
