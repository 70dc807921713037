"""`run --if-due`: a timer may call it as often as it likes."""

from __future__ import annotations

import pytest

from backupjump.demo.lab import Lab
from lab.nightly import Nightly
from program import backupjump

pytestmark = pytest.mark.lab


def test_a_job_runs_once_and_is_passed_over_in_silence_until_its_next_time(lab: Lab) -> None:
    nightly = Nightly(lab)
    nightly.say("schedule: {every: day}")

    first, second = (backupjump(nightly.config, "run", "nightly", "--if-due") for _ in range(2))
    told = backupjump(nightly.config, "run", "nightly", "--if-due", "--json")

    assert [(said.code, said.out, said.err) for said in (first, second)] == [(0, "", "")] * 2
    assert (told.code, told.json["status"], told.json["error"]["code"]) == (0, "not-due", "not-due")
    assert "nightly is due at " in told.json["error"]["message"]
    assert len(nightly.ids) == 1
    assert len(backupjump(nightly.config, "history", "nightly", "--json").json) == 1


def test_a_job_that_failed_is_tried_again_later_not_at_every_call(lab: Lab) -> None:
    nightly = Nightly(lab)
    nightly.say("schedule: {every: hour}")
    gone = nightly.job.read_text().replace(str(lab.home), str(lab.home / "gone"))
    nightly.job.write_text(gone)

    first = backupjump(nightly.config, "run", "nightly", "--if-due")
    second = backupjump(nightly.config, "run", "nightly", "--if-due")
    by_hand = backupjump(nightly.config, "run", "nightly")

    assert (first.code, "gone does not exist" in first.out) == (1, True)
    assert (second.code, second.out, second.err) == (0, "", "")
    assert by_hand.code == 1


def test_a_job_without_a_schedule_is_never_due_and_says_so_when_asked(lab: Lab) -> None:
    nightly = Nightly(lab)

    told = backupjump(nightly.config, "-v", "run", "nightly", "--if-due")

    assert (told.code, nightly.ids) == (0, [])
    assert "nightly has no schedule, so it is never due" in told.out
