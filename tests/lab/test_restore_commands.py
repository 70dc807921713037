"""snapshots, ls, restore, history and status as a person types them, with no Desktop and no key in reach."""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backupjump.run import Run, RunError, Status, exit_code_of
from backupjump.store.layout import JobFolder
from backupjump.store.runs import append_run
from program import Said, backupjump
from restore_world import HOME, ODD_NAMES, World, make_world
from store_world import CONFIG, KEY

pytestmark = pytest.mark.lab


@dataclass(frozen=True)
class Place:
    world: World
    config: Path

    def say(self, *words: str) -> Said:
        return backupjump(self.config, *words)

    def note(self, status: Status, *, hours: int = 0, message: str = "what went wrong") -> Run:
        """Record a run as the store keeps it; the history, which is derived from that, is made anew."""
        for database in (self.config.parent / "state").glob("history-*"):
            database.unlink()
        at = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=hours)
        run = Run(
            run_id=f"run{hours}",
            job="nightly",
            desktop="desktop",
            route="proxyjump",
            status=status,
            exit_code=exit_code_of(status),
            snapshot=None,
            started_at=at,
            ended_at=at + timedelta(seconds=61),
            attempts=1,
            error=RunError(code="code", message=message, hint="what to type"),
        )
        append_run(JobFolder(self.world.store, "desktop", "nightly"), run)
        return run


@pytest.fixture
def place(tmp_path: Path) -> Place:
    world = make_world(tmp_path)
    config = tmp_path / "backupjump.yaml"
    config.write_text(CONFIG.format(store=world.store, state=tmp_path / "state", key=KEY))
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "nightly.yaml").write_text("desktop: desktop\nsources: [/home/me]\n")
    (tmp_path / "jobs" / "photos.yaml").write_text("desktop: desktop\nsources: [/photos]\nschedule: {every: day}\n")
    return Place(world, config)


def test_snapshots_are_listed(place: Place) -> None:
    told, as_json = place.say("snapshots", "nightly"), place.say("snapshots", "nightly", "--json")

    assert place.world.snapshot.id in told.out
    (found,) = as_json.json
    assert list(found) == [
        "job",
        "id",
        "status",
        "taken_at",
        "files_total",
        "bytes_total",
        "bytes_new",
        "held",
        "keep_reasons",
    ]
    assert (found["job"], found["id"], found["status"]) == ("nightly", place.world.snapshot.id, "ok")
    assert found["taken_at"] == "2026-11-22T02:30:00Z"
    assert found["files_total"] == place.world.snapshot.files_total > 10
    assert place.say("snapshots", "photos", "--json").json == []


def test_a_snapshot_with_a_damaged_record_is_listed_as_such(place: Place) -> None:
    (place.world.snapshot.path / "meta.json").write_text("{")

    said = place.say("snapshots", "nightly")

    assert said.code == 0
    assert "damaged" in said.out
    assert "meta.json is not JSON" in said.err


def test_the_way_down_starts_above_the_sources(place: Place) -> None:
    assert [line["path"] for line in place.say("ls", "nightly", "--json").json] == ["/home"]
    assert [line["path"] for line in place.say("ls", "nightly", "/home/", "--json").json] == ["/home/me"]
    assert place.say("ls", "nightly", "/").out.endswith("home/\n")


def test_a_folder_is_listed_with_what_each_name_is(place: Place) -> None:
    found = {line["path"]: line for line in place.say("ls", "nightly", "/home/me/docs", "--json").json}

    assert list(found) == [
        "/home/me/docs/deep",
        "/home/me/docs/plain.txt",
        "/home/me/docs/script",
        "/home/me/docs/twin.txt",
    ]
    script = found["/home/me/docs/script"]
    was = (place.world.desktop / HOME / "docs" / "script").stat()
    assert script == {
        "path": "/home/me/docs/script",
        "path_b64": base64.b64encode(b"/home/me/docs/script").decode(),
        "type": "file",
        "mode": "4750",
        "size": 10,
        "mtime": f"{datetime.fromtimestamp(was.st_mtime_ns // 10**9, UTC):%Y-%m-%dT%H:%M:%SZ}",
        "files_total": None,
        "bytes_total": None,
    }
    assert found["/home/me/docs/deep"]["type"] == "dir"


def test_a_file_is_listed_itself_and_all_below_with_r(place: Place) -> None:
    letter = "/home/me/docs/deep/er/letter.txt"

    assert [line["path"] for line in place.say("ls", "nightly", letter, "--json").json] == [letter]
    below = [line["path"] for line in place.say("ls", "nightly", "/home/me/docs/deep", "-R", "--json").json]
    assert below == ["/home/me/docs/deep/er", letter, "/home/me/docs/deep/triplet.txt"]
    assert place.say("ls", "nightly", "/home/me/empty", "--json").json == []


def test_odd_names_are_escaped_on_the_screen_and_whole_in_json(place: Place) -> None:
    told, as_json = place.say("ls", "nightly", "/home/me/odd"), place.say("ls", "nightly", "/home/me/odd", "--json")

    assert len(told.out.splitlines()) == len(ODD_NAMES)
    assert "\x1b" not in told.out
    assert "\u202e" not in told.out
    assert "new\\nline" in told.out
    assert {base64.b64decode(line["path_b64"]) for line in as_json.json} == {
        b"/home/me/odd/" + name for name in ODD_NAMES
    }


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("ls", "nightly", "/home/me/dosc"), "did you mean /home/me/docs?"),
        (("ls", "nightly", "home/me"), "is not a full path on the Desktop"),
        (("ls", "nightly", "/home/me/../other"), "is not a full path on the Desktop"),
        (("ls", "nightli"), "nightly"),
        (("snapshots", "nightli"), "nightly"),
        (("history", "nightli"), "nightly"),
        (("ls", "nightly", "--snapshot", "2026-11-23"), "there is no snapshot 2026-11-23"),
        (("ls", "nightly", "--at", "soon"), "soon is not a time"),
        (("ls", "photos"), "there is no good snapshot yet"),
        (("restore", "nightly", "--to", "desktop:/home/me"), "not possible"),
        (("restore", "nightly", "/home/me/dosc", "--to", "/nowhere"), "did you mean /home/me/docs?"),
        (("restore", "nightly"), "--to"),
    ],
)
def test_a_word_that_can_t_be_obeyed_ends_with_2(place: Place, words: tuple[str, ...], told: str) -> None:
    said = place.say(*words)

    assert said.code == 2
    assert told in said.err
    assert said.out == ""


def test_a_restore_says_in_one_line_what_it_did(place: Place) -> None:
    said = place.say("restore", "nightly", "/home/me/docs", "--to", str(place.world.target))

    assert said.code == 0
    assert said.out == f"restored 5 files (19 B) from {place.world.snapshot.id} into {place.world.target}\n"
    assert (place.world.target / HOME / "docs" / "plain.txt").read_text() == "plain"


def test_a_dry_run_names_each_file_and_writes_nothing(place: Place) -> None:
    said = place.say("restore", "nightly", "/home/me/odd", "--to", str(place.world.target), "--dry-run")

    assert said.code == 0
    assert "+ /home/me/odd/new\\nline\n" in said.out
    assert f"would restore {len(ODD_NAMES)} files" in said.out
    assert not place.world.target.exists()


def test_exact_shows_what_would_be_lost_and_wants_a_yes(place: Place) -> None:
    target = str(place.world.target)
    place.say("restore", "nightly", "--to", target)
    docs = place.world.target / HOME / "docs"
    (docs / "extra").write_text("extra")
    (docs / "script").write_text("edited")

    refused = place.say("restore", "nightly", "--to", target, "--mode", "exact")
    there = (docs / "extra").exists()
    obeyed = place.say("restore", "nightly", "--to", target, "--mode", "exact", "--yes", "--json")

    assert (refused.code, there) == (2, True)
    assert "~ /home/me/docs/script\n- /home/me/docs/extra (files: 1, 5 B)\n" in refused.out
    assert "--yes" in refused.err
    assert obeyed.code == 0
    assert obeyed.json | {"to": "", "job": ""} == {
        "job": "",
        "snapshot": place.world.snapshot.id,
        "to": "",
        "mode": "exact",
        "dry_run": False,
        "files": 1,
        "bytes": 10,
        "replaced": 1,
        "deleted": 1,
        "kept": 0,
        "skipped": 0,
    }
    assert sorted(os.listdir(docs)) == ["deep", "plain.txt", "script", "twin.txt"]  # noqa: PTH208 (names)


def test_a_refused_restore_ends_with_1_and_names_the_link(place: Place) -> None:
    place.world.target.mkdir()
    (place.world.target / "home").symlink_to("/tmp")

    said = place.say("restore", "nightly", "--to", str(place.world.target))

    assert said.code == 1
    assert "home below the target is a symlink" in said.err


def test_the_history_comes_from_the_store_when_its_database_is_lost_or_damaged(place: Place) -> None:
    runs = [place.note(Status.AWAY, hours=number, message=f"reason {number}\nmore") for number in range(3)]

    first = place.say("history", "--json")
    (database,) = (place.config.parent / "state").glob("history-*.sqlite3")
    database.write_bytes(b"broken" * 1000)
    second = place.say("history", "nightly", "--limit", "2", "--json")
    told = place.say("history", "nightly")

    assert first.json == [run.to_json() for run in runs]
    assert second.json == [run.to_json() for run in runs[1:]]
    assert "reason 2" in told.out.splitlines()[-1]
    assert "0:01:01" in told.out


def test_status_says_of_each_job_how_it_stands(place: Place) -> None:
    (place.config.parent / "jobs" / "photos.yaml").unlink()
    good = place.say("status", "--json")
    place.note(Status.AWAY)
    away = place.say("status", "--json")
    place.note(Status.FAILED, hours=1)
    broken = place.say("status", "--json")
    told = place.say("status")

    known = ["job", "state", "last_good_at", "next_due_at", "last_status", "help"]
    assert list(good.json[0]) == [*known, "first_backup", "last_contact_at", "next_expected_at"]
    assert good.json[0]["last_good_at"] == "2026-11-22T02:30:00Z"
    assert [(each.code, each.json[0]["state"]) for each in (good, away, broken)] == [
        (0, "good"),
        (0, "away"),
        (1, "broken"),
    ]
    assert broken.json[0]["help"] == "what to type"
    assert (told.code, "broken" in told.out) == (1, True)


def test_a_store_whose_disk_is_not_there_is_told_as_that(place: Place) -> None:
    (place.world.store / "backupjump-store.json").unlink()

    for words in (("snapshots", "nightly"), ("ls", "nightly"), ("history",), ("status",)):
        said = place.say(*words)
        assert said.code == 1
        assert "is not a store" in said.err


def test_an_empty_word_after_to_is_not_the_folder_one_stands_in(place: Place) -> None:
    said = place.say("restore", "nightly", "--to", "")

    assert said.code == 2
    assert "--to is empty" in said.err
