from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from backupjump.history import Outcome
from backupjump.operations.page.calendar import MEANING, Day, Kind, calendar, first_day, first_moment, kind_of, text_of
from backupjump.run import Status

PARIS = ZoneInfo("Europe/Paris")
SUNDAY = date(2026, 11, 22)


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ("", Kind.NONE),
        ("ok", Kind.OK),
        ("warning", Kind.WARNING),
        ("away", Kind.AWAY),
        ("away deferred", Kind.DEFERRED),
        ("interrupted away", Kind.INTERRUPTED),
        ("away away ok", Kind.OK),
        ("ok away", Kind.OK),
        ("failed ok", Kind.OK),
        ("ok failed", Kind.FAILED),
        ("failed away", Kind.FAILED),
        ("ok warning", Kind.WARNING),
        ("suspect ok", Kind.SUSPECT),
    ],
)
def test_a_day_is_what_its_last_telling_run_was(statuses: str, expected: Kind) -> None:
    assert kind_of([Status(status) for status in statuses.split()]) is expected


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ("", "no run"),
        ("ok", "good backup"),
        ("failed", "failed"),
        ("away away failed ok", "good backup (1 ok, 1 failed, 2 away)"),
    ],
)
def test_a_day_says_in_words_what_its_sign_says_and_more(statuses: str, expected: str) -> None:
    assert text_of([Status(status) for status in statuses.split()]) == expected


def test_every_kind_of_day_but_one_to_come_has_a_meaning_in_the_legend() -> None:
    assert set(MEANING) == set(Kind) - {Kind.FUTURE}


@pytest.mark.parametrize(
    ("today", "weeks", "expected"),
    [
        (SUNDAY, 1, date(2026, 11, 16)),
        (date(2026, 11, 16), 1, date(2026, 11, 16)),
        (SUNDAY, 13, date(2026, 8, 24)),
    ],
)
def test_the_weeks_begin_on_a_monday_and_end_with_today_s(today: date, weeks: int, expected: date) -> None:
    assert first_day(today, weeks) == expected


def test_the_first_moment_is_midnight_in_the_store_s_zone() -> None:
    assert first_moment(SUNDAY, 1, PARIS).astimezone(UTC) == datetime(2026, 11, 15, 23, tzinfo=UTC)


def test_a_run_counts_on_the_day_in_the_zone_on_which_it_ended() -> None:
    late = Outcome(status=Status.FAILED, ended_at=datetime(2026, 11, 16, 23, 30, tzinfo=UTC))

    found = calendar([late], today=date(2026, 11, 19), weeks=2, zone=PARIS)

    days = {row.name: row.days for row in found.rows}
    assert days["Tue"] == (Day(kind=Kind.NONE, text="10 Nov: no run"), Day(kind=Kind.FAILED, text="17 Nov: failed"))
    assert days["Mon"][1].kind is Kind.NONE
    assert [days[name][1].kind for name in ("Thu", "Fri", "Sun")] == [Kind.NONE, Kind.FUTURE, Kind.FUTURE]
    assert found.weeks == ("9 Nov", "16 Nov")


def test_a_month_is_named_over_its_first_monday() -> None:
    found = calendar([], today=SUNDAY, weeks=9, zone=PARIS)

    assert found.weeks[:3] == ("21 Sep", "28 Sep", "5 Oct")
    assert found.months == ("", "", "Oct", "", "", "", "Nov", "", "")
