"""prune, hold and release as a person types them, on snapshots that share their files."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from backupjump.run import Status, utc_now
from backupjump.store.layout import JobFolder
from backupjump.store.lock import locked
from backupjump.store.staging import Staging
from fingerprint import Print, fingerprint
from program import Said, backupjump
from store_world import CONFIG, KEY, make_store, take, write

pytestmark = pytest.mark.lab

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Place:
    folder: JobFolder
    config: Path

    def say(self, *words: str) -> Said:
        return backupjump(self.config, *words)

    def keep(self, rules: str) -> None:
        """Write the job with this `keep`."""
        keep = f"keep: {rules}\n" if rules else ""
        (self.config.parent / "jobs" / "nightly.yaml").write_text(f"desktop: desktop\nsources: [/home/me]\n{keep}")

    def take(self, *ages: timedelta, status: Status = Status.OK) -> list[str]:
        """Take a snapshot of each age, oldest first, and return the ids."""
        now = utc_now()
        return [
            take(self.folder, files_of(now - age), at=now - age, status=status).snapshot.id
            for age in sorted(ages, reverse=True)
        ]

    @property
    def prints(self) -> dict[str, dict[str, Print]]:
        return {path.name: fingerprint(path) for path in self.folder.snapshots.iterdir()}


def files_of(at: datetime) -> Callable[[Staging], None]:
    """Return what writes a file that every snapshot shares, read-only, and one that it has alone."""

    def fill(staging: Staging) -> None:
        here = staging.tree / "home/me"
        for dest in staging.link_dests("/home/me")[:1]:
            (here / "shared").hardlink_to(dest / "shared")
        if not (here / "shared").exists():
            write(here / "shared", mode=0o400)
        write(here / "deep" / "own", at.isoformat().encode())
        (here / "deep").chmod(0o555)

    return fill


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """The store's folder as a file system of 64 MB of its own."""
    (tmp_path / "store").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(tmp_path / "store")], check=True)
    try:
        yield tmp_path / "store"
    finally:
        subprocess.run(["umount", str(tmp_path / "store")], check=True)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    folder = make_store(tmp_path / "store")
    config = tmp_path / "backupjump.yaml"
    config.write_text(CONFIG.format(store=folder.store, state=tmp_path / "state", key=KEY))
    (tmp_path / "jobs").mkdir()
    made = Place(folder, config)
    made.keep("{last: 2}")
    return made


def test_what_nothing_keeps_goes_and_what_stays_is_as_it_was(place: Place) -> None:
    ids = place.take(*(number * DAY for number in range(1, 6)))
    before = place.prints

    said = place.say("prune", "nightly")

    assert said.code == 0, said.err
    assert place.prints == {id_: before[id_] for id_ in ids[3:]}
    assert (place.folder.latest / "tree/home/me/shared").read_bytes() == b"content"
    assert list(place.folder.trash.iterdir()) == []
    assert said.out.splitlines()[-1] == "3 of 5 snapshots gone, 2 stay"


def test_a_dry_run_tells_the_reasons_and_changes_nothing(place: Place) -> None:
    ids = place.take(*(number * DAY for number in range(1, 6)))
    before = place.prints

    said, as_json = place.say("prune", "nightly", "--dry-run"), place.say("prune", "nightly", "--dry-run", "--json")

    assert place.prints == before
    lines = [line.rstrip().split(maxsplit=2) for line in said.out.splitlines()[1:6]]
    assert lines[0] == [ids[0], "would", "go"]
    assert lines[4] == [ids[4], "stays", "newest good; last 1 of 2"]
    assert [(each["id"], each["pruned"], each["keep_reasons"]) for each in as_json.json] == [
        (ids[0], True, []),
        (ids[1], True, []),
        (ids[2], True, []),
        (ids[3], False, ["last 2 of 2"]),
        (ids[4], False, ["newest good", "last 1 of 2"]),
    ]


def test_a_brake_stops_a_prune_until_a_person_says_yes(place: Place) -> None:
    ids = place.take(*(number * DAY for number in range(1, 8)))
    before = place.prints

    said, shown = place.say("prune", "nightly"), place.say("prune", "nightly", "--dry-run")

    assert said.code == 1
    assert "5 of 7 good snapshots would go at once" in said.err
    assert "--yes" in said.err
    assert place.prints == before
    assert shown.code == 0
    assert "5 of 7 good snapshots would go at once" in shown.err

    said = place.say("prune", "nightly", "--yes", "--json")

    assert said.code == 0
    assert [each["id"] for each in said.json if each["pruned"]] == ids[:5]
    assert set(place.prints) == set(ids[5:])


def test_without_keep_everything_stays(place: Place) -> None:
    place.keep("")
    ids = place.take(*(number * 100 * DAY for number in range(5)))

    said = place.say("prune", "nightly", "--yes")

    assert said.code == 0
    assert set(place.prints) == set(ids)


def test_a_held_snapshot_stays_until_it_is_released(place: Place) -> None:
    ids = place.take(*(number * DAY for number in range(1, 6)))

    assert place.say("hold", "nightly", ids[0], "--note", "before the move").code == 0
    assert place.say("hold", "nightly", ids[1], "--until", "90d").code == 0
    listed, told = place.say("snapshots", "nightly", "--json").json, place.say("snapshots", "nightly").out
    assert [each["held"] for each in listed] == [True, True, False, False, False]
    assert listed[0]["keep_reasons"] == ["held: before the move"]
    assert listed[1]["keep_reasons"][0].startswith("held until 20")
    assert [line.endswith("held") for line in told.splitlines()] == [True, True, True, False, False, False]
    assert place.say("prune", "nightly").code == 0
    assert set(place.prints) == {ids[0], ids[1], ids[3], ids[4]}

    assert place.say("release", "nightly", ids[0]).code == 0
    assert place.say("prune", "nightly").code == 0

    assert set(place.prints) == {ids[1], ids[3], ids[4]}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("hold", "nightly", "1999"), "there is no snapshot 1999"),
        (("hold", "nightly", "latest", "--until", "2001-01-01"), "2001-01-01 is past"),
        (("hold", "nightly", "latest", "--until", "soon"), "soon is not a time"),
        (("release", "nightly", "latest"), "is not held"),
        (("prune", "nightli"), "nightli"),
    ],
)
def test_a_word_that_can_t_be_obeyed_ends_with_2(place: Place, words: tuple[str, ...], told: str) -> None:
    place.take(DAY)

    said = place.say(*words)

    assert said.code == 2
    assert told in said.err
    assert not place.folder.marks.exists()


@pytest.mark.parametrize(
    "words", [("prune", "nightly"), ("hold", "nightly", "latest"), ("release", "nightly", "latest")]
)
def test_a_run_under_way_is_not_disturbed(place: Place, words: tuple[str, ...]) -> None:
    place.take(*(number * DAY for number in range(1, 5)))
    before = place.prints

    with locked(place.folder):
        said = place.say(*words)

    assert said.code == 11
    assert place.prints == before


def test_nothing_is_pruned_where_the_holds_can_t_be_read(place: Place) -> None:
    place.take(*(number * DAY for number in range(1, 5)))
    place.folder.marks.write_text("{")
    before = place.prints

    said = place.say("prune", "nightly", "--yes")
    status = place.say("status", "--json")

    assert said.code == 1
    assert "marks.json is damaged" in said.err
    assert place.prints == before
    # No run says so night by night, and without a prune the disk fills up.
    assert (status.code, status.json[0]["state"]) == (1, "broken")
    assert "marks.json is damaged" in status.json[0]["help"]


def test_a_damaged_snapshot_is_never_pruned(place: Place) -> None:
    ids = place.take(*(number * DAY for number in range(1, 5)))
    (place.folder.snapshots / ids[0] / "meta.json").write_text("{")

    said = place.say("prune", "nightly", "--json")

    assert said.json[0]["keep_reasons"] == ["damaged: meta.json is not JSON"]
    assert set(place.prints) == {ids[0], ids[2], ids[3]}


def test_a_suspect_newest_snapshot_freezes_pruning(place: Place) -> None:
    place.take(*(number * DAY for number in range(2, 6)))
    (suspect,) = place.take(DAY, status=Status.SUSPECT)
    before = place.prints

    said = place.say("prune", "nightly")

    assert said.code == 1
    assert f"{suspect} is suspect" in said.err
    assert place.prints == before


def test_what_a_killed_prune_left_in_the_trash_is_deleted_by_the_next(place: Place) -> None:
    ids = place.take(DAY, 2 * DAY, 3 * DAY)
    (place.folder.snapshots / ids[0]).rename(place.folder.trash / ids[0])

    said = place.say("prune", "nightly")

    assert said.code == 0
    assert said.out.splitlines()[-1] == "0 of 2 snapshots gone, 2 stay"
    assert list(place.folder.trash.iterdir()) == []


@pytest.mark.needs_root
def test_a_full_disk_can_be_pruned(small_disk: Path, place: Place) -> None:
    ids = place.take(*(number * DAY for number in range(1, 6)))
    with suppress(OSError), (small_disk / "filler").open("wb", buffering=0) as filler:
        while filler.write(bytes(4096)):
            pass
    assert os.statvfs(small_disk).f_bavail == 0

    said = place.say("prune", "nightly")

    assert said.code == 0, said.err
    assert set(place.prints) == set(ids[3:])
    assert os.statvfs(small_disk).f_bavail > 0


def test_without_the_store_s_disk_nothing_is_touched(place: Place) -> None:
    place.take(DAY)
    (place.folder.store / "backupjump-store.json").rename(place.folder.store / "elsewhere")
    before = fingerprint(place.folder.store)

    for words in (("prune", "nightly"), ("prune", "nightly", "--dry-run"), ("hold", "nightly", "latest")):
        said = place.say(*words)

        assert said.code == 1
        assert "is not a store" in said.err
    assert fingerprint(place.folder.store) == before
