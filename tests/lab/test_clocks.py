"""A Server whose clock was wrong: snapshots keep the order in which they were taken, and nothing is lost."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from backupjump.demo.lab import Lab
from backupjump.demo.roles import job_yaml
from backupjump.run import utc_now
from backupjump.store.layout import JobFolder
from backupjump.store.staging import Staging
from program import Said, backupjump
from store_world import make_store, take, write

pytestmark = pytest.mark.lab

YEAR, DAY = timedelta(days=365), timedelta(days=1)


@dataclass(frozen=True)
class Place:
    lab: Lab
    config: Path
    folder: JobFolder

    def say(self, *words: str) -> Said:
        said = backupjump(self.config, *words)
        assert said.code in (0, 1), said
        return said

    def take(self, at: datetime, content: str) -> str:
        """Take a snapshot by a clock that shows `at`, with one file in it."""
        home = self.lab.home

        def fill(staging: Staging) -> None:
            write(staging.tree / home.relative_to("/") / "file", content.encode())

        return take(self.folder, fill, sources=(str(home),), at=at).snapshot.id

    def run(self) -> str:
        """Pull for real, by this machine's clock."""
        return str(json.loads(self.say("run", "nightly", "--json").out)["snapshot"])

    @property
    def ids(self) -> list[str]:
        return [each["id"] for each in self.say("snapshots", "nightly", "--json").json]

    @property
    def status(self) -> dict[str, str]:
        (state,) = self.say("status", "--json").json
        return dict(state)

    def restored(self, *words: str) -> str:
        """Return what the file holds that a restore brings."""
        target = self.lab.folder / f"restored{len(list(self.lab.folder.glob('restored*')))}"
        assert self.say("restore", "nightly", "--to", str(target), *words).code == 0
        return (target / self.lab.home.relative_to("/") / "file").read_text()


@pytest.fixture
def place(lab: Lab) -> Place:
    job = job_yaml((lab.home,)) + "schedule: {every: day}\n"
    config = lab.server_config(jobs={"nightly": job})
    lab.open_tunnel()
    (lab.home / "file").write_text("by the right clock")
    return Place(lab, config, make_store(lab.store))


def test_after_a_clock_a_year_ahead_was_corrected_the_next_run_is_the_latest(place: Place) -> None:
    before = place.take(utc_now() - DAY, "before")
    ahead = place.take(utc_now() + YEAR, "a year ahead")
    state = place.status

    now = place.run()

    assert state["state"] == "late"
    assert place.ids == [before, ahead, now]
    assert place.folder.latest.readlink().name == now
    assert json.loads((place.folder.latest / "meta.json").read_text())["base"] == ahead
    assert place.restored() == "by the right clock"
    assert place.restored("--snapshot", "latest~1") == "a year ahead"
    assert place.restored("--at", "12h") == "before"
    assert (place.status["state"], place.status["last_good_at"][:10]) == ("good", now[:10])
    assert place.say("ls", "nightly", "--snapshot", ahead).code == 0


def test_a_clock_a_day_back_gives_ids_of_their_own_and_keeps_the_order(place: Place) -> None:
    now = utc_now()
    first = place.take(now, "first")
    back = [place.take(now - DAY, f"back {number}") for number in range(2)]
    again = place.take(now, "again")

    assert len({first, *back, again}) == 4
    assert place.ids == [first, *back, again]
    assert place.restored() == "again"
    assert place.restored("--snapshot", "latest~1") == "back 1"
    assert place.folder.latest.readlink().name == again


def test_the_hour_that_summer_time_repeats_is_two_times(place: Place) -> None:
    first = place.take(datetime.fromisoformat("2025-10-26T02:30:00+02:00"), "summer")
    second = place.take(datetime.fromisoformat("2025-10-26T02:30:00+01:00"), "winter")

    assert (first, second) == ("2025-10-26T00-30-00Z", "2025-10-26T01-30-00Z")
    assert place.restored("--at", "2025-10-26T02:30:00+02:00") == "summer"
    assert place.restored("--at", "2025-10-26") == "winter"
