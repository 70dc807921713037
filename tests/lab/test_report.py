"""`backupjump report`: what a person types, and what lies there then."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backupjump.run import Run
from program import backupjump
from report_world import Past, a_run, all_good, make_site, mixed

pytestmark = pytest.mark.lab


def test_the_page_is_written_privately_and_in_silence_whatever_it_tells(tmp_path: Path) -> None:
    config = make_site(tmp_path / "site", mixed(datetime.now(UTC)))
    page = tmp_path / "page.html"

    said = backupjump(config, "report", "-o", str(page))
    printed = backupjump(config, "report", "--output", "-", "--weeks", "26")

    assert (said.code, said.out, said.err) == (0, "", "")
    assert page.stat().st_mode & 0o777 == 0o600
    assert "3 of 7 jobs need you" in page.read_text()
    assert printed.code == 0
    assert printed.out.startswith("<!doctype html>")
    assert "in the last 26 weeks" in printed.out
    assert [text for text in ("/home/me/work is not there", "backupjump ack studio") if text not in printed.out] == []


def test_all_is_well_is_said_first(tmp_path: Path) -> None:
    config = make_site(tmp_path / "site", all_good(datetime.now(UTC)))

    page = backupjump(config, "report", "-o", "-").out

    assert "</span>All 4 jobs are good</h1>" in page
    assert "What needs you" not in page
    assert "daily 1 of 7: " in page


def test_without_a_store_there_is_no_page_and_the_old_one_stays(tmp_path: Path) -> None:
    config = make_site(tmp_path / "site", {})
    page = tmp_path / "page.html"
    none_yet = backupjump(config, "report", "-o", str(page))
    before = page.read_text()
    (tmp_path / "site/store/backupjump-store.json").unlink()

    said = backupjump(config, "report", "-o", str(page))

    assert (none_yet.code, "There is no job yet" in before) == (0, True)
    assert said.code == 1
    assert page.read_text() == before


def test_a_page_is_never_put_in_place_of_a_device_or_into_a_folder_that_is_not_there(tmp_path: Path) -> None:
    config = make_site(tmp_path / "site", {})

    device = backupjump(config, "report", "-o", "/dev/null")
    nowhere = backupjump(config, "report", "-o", str(tmp_path / "no/page.html"))

    assert (device.code, nowhere.code) == (2, 2)
    assert Path("/dev/null").is_char_device()
    assert "nothing was written" in device.err
    assert "No such file or directory" in nowhere.err


def test_what_can_t_be_read_of_one_job_leaves_the_others_on_the_page(tmp_path: Path) -> None:
    config = make_site(tmp_path / "site", all_good(datetime.now(UTC)))
    folder = tmp_path / "site/store/desktop/mail"
    (folder / "marks.json").write_text("{")
    newest = max((tmp_path / "site/store/desktop/photos/snapshots").iterdir())
    (newest / "meta.json").write_text("{")

    page = backupjump(config, "report", "-o", "-").out

    assert "1 of 4 jobs needs you" in page
    assert "Its snapshots can't be told: " in page
    assert "meta.json is not JSON" in page
    assert page.count('<table class="calendar">') == 4


def test_the_store_s_days_are_foretold_from_what_all_jobs_runs_saw_of_its_disk(tmp_path: Path) -> None:
    now = datetime.now(UTC)

    def runs(minutes: int) -> list[Run]:
        ages = [timedelta(days=ago, minutes=minutes) for ago in range(60, 0, -1)]
        return [replace(a_run(now - age), store_free_bytes=round(age.days * 10**9)) for age in ages]

    config = make_site(tmp_path / "site", {"one": Past(runs=runs(20)), "other": Past(runs=runs(10))})

    page = backupjump(config, "report", "-o", "-").out

    assert "At the pace of the last 28 days, 1.0 GB a day, it " in page
