from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from backupjump.operations.first_backup import total_of
from backupjump.rsync.progress import Progress
from backupjump.store.first_backup import (
    FirstBackup,
    advanced,
    forget_first_backup,
    read_first_backup,
    write_first_backup,
)
from backupjump.store.layout import JobFolder

MONDAY, TUESDAY = date(2026, 11, 23), date(2026, 11, 24)
GB = 10**9


def test_a_first_backup_counts_the_nights_on_which_something_new_arrived() -> None:
    first = advanced(None, held_bytes=20 * GB, total_bytes=100 * GB, percent=20, day=MONDAY)
    same_day = advanced(first, held_bytes=30 * GB, total_bytes=None, percent=0, day=MONDAY)
    nothing_new = advanced(same_day, held_bytes=10 * GB, total_bytes=None, percent=0, day=TUESDAY)
    second = advanced(nothing_new, held_bytes=43 * GB, total_bytes=None, percent=0, day=TUESDAY)

    assert (first.percent, first.nights_left) == (20, 4)
    assert (same_day.percent, same_day.days, same_day.nights_left) == (30, 1, 3)
    assert nothing_new == same_day
    assert (second.percent, second.days, second.nights_left) == (43, 2, 3)


def test_of_two_totals_the_one_counts_that_rsync_told_when_it_was_further() -> None:
    first = advanced(None, held_bytes=GB, total_bytes=100 * GB, percent=40, day=MONDAY)

    assert advanced(first, held_bytes=GB, total_bytes=150 * GB, percent=1, day=MONDAY).total_bytes == 100 * GB
    assert advanced(first, held_bytes=GB, total_bytes=101 * GB, percent=60, day=MONDAY).total_bytes == 101 * GB


@pytest.mark.parametrize(
    ("held", "total", "percent", "nights"),
    [(0, None, None, None), (5, None, None, None), (0, 100, 0, None), (100, 100, 99, 1), (120, 100, 99, 1)],
)
def test_what_is_not_known_is_not_told_and_all_but_a_snapshot_is_99_percent(
    held: int, total: int | None, percent: int | None, nights: int | None
) -> None:
    first = FirstBackup(held_bytes=held, total_bytes=total, told_at_percent=0, days=1, last_day="2026-11-23")

    assert (first.percent, first.nights_left) == (percent, nights)


@pytest.mark.parametrize(
    ("progress", "total"),
    [
        (Progress(), None),
        (Progress(bytes_done=430, percent=43, listing=True), None),
        (Progress(bytes_done=430, percent=0, listing=False), None),
        (Progress(bytes_done=435, percent=43, listing=False), 1000),
        (Progress(bytes_done=1000, percent=100, listing=False), 1000),
    ],
)
def test_rsyncs_own_share_tells_how_much_there_is_once_it_knows_all_files(progress: Progress, total: int) -> None:
    assert total_of(progress) == total


def test_it_comes_back_as_it_was_kept_until_it_is_forgotten(tmp_path: Path) -> None:
    folder = JobFolder(tmp_path, "desktop", "nightly")
    folder.make()
    first = FirstBackup(held_bytes=1, total_bytes=None, told_at_percent=0, days=1, last_day="2026-11-23")

    write_first_backup(folder, replace(first, days=7))
    write_first_backup(folder, first)

    assert read_first_backup(folder) == first
    forget_first_backup(folder)
    forget_first_backup(folder)
    assert read_first_backup(folder) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", "[" * 5000, '{"held_bytes": -1}', "\xff"])
def test_a_damaged_note_tells_nothing(tmp_path: Path, text: str) -> None:
    folder = JobFolder(tmp_path, "desktop", "nightly")
    folder.make()
    (folder.path / "first-backup.json").write_text(text)

    assert read_first_backup(folder) is None
