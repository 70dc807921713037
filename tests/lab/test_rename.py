"""A job under a new name, as a person meets it: the run that stops, the rename, the run that goes on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from backupjump.config.models import StoreKind
from backupjump.demo.lab import Lab
from backupjump.demo.roles import job_yaml
from backupjump.store.layout import JobFolder
from backupjump.store.lock import locked
from backupjump.store.move import move_job
from backupjump.store.staging import Staging
from backupjump.store.trash import empty_trash, throw_away
from fingerprint import fingerprint
from lab.filesystems import disk
from program import Said, backupjump
from store_world import attempt, make_store, take, write

pytestmark = pytest.mark.lab


@dataclass(frozen=True)
class Place:
    lab: Lab
    config: Path

    def say(self, *words: str) -> Said:
        return backupjump(self.config, *words)

    def run(self, *words: str) -> dict[str, object]:
        said = self.say("run", *words, "--json")
        assert said.code == 0, said
        run: dict[str, object] = json.loads(said.out)
        return run

    @property
    def runs(self) -> list[tuple[str, str]]:
        return [(run["job"], run["status"]) for run in self.say("history", "--json").json]


@pytest.fixture
def place(lab: Lab) -> Place:
    """A job `daily` that has run once, and whose file is now called nightly.yaml."""
    (lab.home / "file").write_text("content")
    config = lab.server_config(jobs={"daily": job_yaml((lab.home,))})
    assert backupjump(config, "store", "init").code == 0
    lab.open_tunnel()
    made = Place(lab, config)
    made.run("daily")
    (config.parent / "jobs/daily.yaml").rename(config.parent / "jobs/nightly.yaml")
    return made


@pytest.mark.parametrize("words", [(), ("--dry-run",), ("--json",)])
def test_a_renamed_job_does_not_begin_anew_by_itself_and_nothing_is_contacted_or_made(
    place: Place, words: tuple[str, ...]
) -> None:
    before, runs = fingerprint(place.lab.store), place.runs
    place.lab.close_tunnel()

    said = place.say("run", "nightly", *words)

    assert (said.code, said.out) == (2, "")
    assert f"nightly has no snapshot yet, but desktop/daily has 1 of {place.lab.home}, of 20" in said.err
    assert "hint: to carry them over: backupjump rename daily nightly" in said.err
    assert fingerprint(place.lab.store) == before
    assert place.runs == runs == [("daily", "ok")]


def test_after_the_rename_a_run_goes_on_where_the_old_name_ended(place: Place) -> None:
    (snapshot,) = (place.lab.store / "desktop/daily/snapshots").iterdir()
    before = fingerprint(snapshot)

    planned = place.say("rename", "daily", "nightly", "--dry-run")
    renamed = place.say("rename", "daily", "nightly")
    run = place.run("nightly")

    assert planned.out == "desktop/daily would become desktop/nightly, with 1 snapshot and 1 run\n"
    assert renamed.out == "desktop/daily is now desktop/nightly, with 1 snapshot and 1 run\n"
    assert (run["files_linked"], run["files_new"]) == (1, 0)
    assert place.runs == [("nightly", "ok"), ("nightly", "ok")]
    assert fingerprint(place.lab.store / "desktop/nightly/snapshots" / snapshot.name) == before
    assert not (place.lab.store / "desktop/daily").exists()


def test_seed_starts_a_new_history_beside_the_old_one(place: Place) -> None:
    run = place.run("nightly", "--seed")
    again = place.run("nightly")

    assert (run["files_linked"], again["files_linked"]) == (0, 1)
    assert (place.lab.store / "desktop/daily/latest").exists()
    assert place.say("rename", "daily", "nightly").code == 2


def test_a_rename_waits_for_no_run(place: Place) -> None:
    with locked(JobFolder(place.lab.store, "desktop", "daily")):
        said = place.say("rename", "daily", "nightly")

    assert said.code == 11
    assert "another run holds desktop/daily" in said.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("dayly", "nightly"), "did you mean 'daily'?"),
        (("daily", "nihgtly"), "did you mean 'nightly'?"),
        (("nightly", "daily"), "there is no job 'daily'"),
    ],
)
def test_a_wrong_name_gets_a_guess(place: Place, words: tuple[str, str], told: str) -> None:
    said = place.say("rename", *words)

    assert said.code == 2
    assert told in said.err


@pytest.mark.needs_root
def test_on_btrfs_the_subvolumes_move_with_their_job_and_the_next_snapshot_builds_on_them(tmp_path: Path) -> None:
    with disk("btrfs", tmp_path / "disk", mebibytes=256) as made:
        nightly = make_store(made.folder / "store", kind=StoreKind.BTRFS)
        daily = JobFolder(nightly.store, "laptop", "daily")
        ids = [take(daily, write_one).snapshot.id for _ in range(2)]
        attempt(daily, write_one)
        before = {id_: fingerprint(daily.snapshots / id_) for id_ in ids}
        nightly.make()

        with locked(daily), locked(nightly):
            move_job(daily, nightly)

        assert {id_: fingerprint(nightly.snapshots / id_) for id_ in ids} == before
        published = take(nightly, write_one)
        assert json.loads((published.snapshot.path / "meta.json").read_text())["base"] == ids[1]
        with locked(nightly):
            throw_away(nightly, ids[:1])
        empty_trash(nightly, wait=True)
        assert list(nightly.trash.iterdir()) == list(nightly.work.iterdir()) == []
        assert fingerprint(nightly.snapshots / ids[1]) == before[ids[1]]


def write_one(staging: Staging) -> None:
    write(staging.tree / "home/me" / staging.id, b"content")
