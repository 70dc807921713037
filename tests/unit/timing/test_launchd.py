from __future__ import annotations

import plistlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from backupjump.timing.cron import fixed_minute
from backupjump.timing.launchd import plist
from backupjump.timing.slots import Slots, Timer

MINUTE = fixed_minute("nightly")


def parsed(slots: Slots | None, *, in_local_time: bool = True, look: timedelta = timedelta(hours=1)) -> dict[str, Any]:
    timer = Timer(job="nightly", desktop="laptop", slots=slots, look=look, argv=("/opt/a & b/backupjump", "run"))
    (text,) = plist(timer, logs=Path("/logs"), in_local_time=in_local_time).values()
    content: dict[str, Any] = plistlib.loads(text.encode())
    return content


@pytest.mark.parametrize(
    ("slots", "expected"),
    [
        ({}, [{"Hour": 2, "Minute": 30}]),
        ({"weekdays": (0, 6)}, [{"Weekday": 1, "Hour": 2, "Minute": 30}, {"Weekday": 0, "Hour": 2, "Minute": 30}]),
        ({"monthly": True}, [{"Day": 1, "Hour": 2, "Minute": 30}]),
    ],
)
def test_clock_times_stand_beside_the_hourly_look(slots: dict[str, Any], expected: list[dict[str, int]]) -> None:
    content = parsed(Slots(clock="02:30", zone="Europe/Paris", **slots))

    assert content["StartCalendarInterval"] == [{"Minute": MINUTE}, *expected]


def test_a_foreign_zone_and_a_step_have_the_regular_look_alone() -> None:
    foreign = parsed(Slots(clock="02:30", zone="Asia/Tokyo"), in_local_time=False)
    step = parsed(None, look=timedelta(minutes=15))

    assert foreign["StartCalendarInterval"] == [{"Minute": MINUTE}]
    assert [each["Minute"] for each in step["StartCalendarInterval"]] == [MINUTE % 15 + 15 * n for n in range(4)]


def test_the_list_says_what_to_start_and_where_its_words_go() -> None:
    content = parsed(None)

    assert content["Label"] == "backupjump.nightly"
    assert content["ProgramArguments"] == ["/opt/a & b/backupjump", "run"]
    assert content["StandardErrorPath"] == "/logs/backupjump.nightly.log"
