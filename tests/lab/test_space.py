"""A store that fills up: what is lacking is said truly, what arrived is kept, and room is made where it may be."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from backupjump.demo.lab import Lab
from fingerprint import fingerprint
from lab.filesystems import disk
from lab.nightly import Nightly
from program import argv, until

pytestmark = [pytest.mark.lab, pytest.mark.needs_root]

MB = 1_000_000
UNITS = {"B": 1, "kB": 1000, "MB": MB, "GB": 1000 * MB}


class Place(Nightly):
    """A lab whose store is a small disk of its own."""

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab)
        self.filler = lab.store / "of another user"

    def write(self, name: str, megabytes: float) -> Path:
        path = self.lab.home / name
        path.write_bytes(os.urandom(int(megabytes * MB)))
        return path

    def leave(self, megabytes: float) -> None:
        """Let another user's file take all room but this."""
        self.filler.unlink(missing_ok=True)
        os.sync()
        size = self.free - int(megabytes * MB)
        with self.filler.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, size)

    def give(self, count: int) -> None:
        """Take so many bytes off the other user's file."""
        os.truncate(self.filler, self.filler.stat().st_size - count)
        os.sync()

    @property
    def free(self) -> int:
        room = os.statvfs(self.lab.store)
        return room.f_bavail * room.f_frsize

    def assert_whole(self, run: dict[str, Any]) -> None:
        tree = self.folder.snapshots / run["snapshot"] / "tree"
        assert fingerprint(tree / self.lab.home.relative_to("/")) == fingerprint(self.lab.home)


@pytest.fixture
def disks() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def place(lab: Lab, disks: ExitStack) -> Place:
    disks.enter_context(disk("ext4", lab.store, options=("-m", "0")))
    return Place(lab)


def lacking(run: dict[str, Any]) -> int:
    """Return how many bytes the run said that it lacks."""
    assert run["error"]["code"] == "disk-full", run
    match = re.search(r"needs ([\d.]+) (\w+) more than it has", run["error"]["message"])
    assert match is not None, run
    return int(float(match[1]) * UNITS[match[2]])


def test_a_run_that_can_t_fit_says_by_how_much_before_anything_is_transferred(place: Place) -> None:
    place.write("first", 42)
    place.run()
    before = place.prints
    place.leave(25)
    place.write("large", 40)

    full = place.run(code=1)

    assert (full["bytes_received"], full["attempts"], full["status"]) == (0, 0, "failed")
    assert str(place.lab.store) in full["error"]["message"]
    assert "df -h" in full["error"]["hint"]
    assert list(place.folder.work.iterdir()) == []
    place.give(int(lacking(full) * 0.95))
    assert lacking(place.run(code=1)) < 0.1 * lacking(full)
    place.give(int(lacking(full) * 0.10))
    place.assert_whole(place.run())
    assert {id_: place.prints[id_] for id_ in before} == before


@pytest.mark.parametrize(
    "bwlimit",
    [
        pytest.param("bwlimit: 20 MB/s", id="stopped in time"),
        pytest.param("", id="no byte left", marks=pytest.mark.long),
    ],
)
def test_a_disk_that_fills_up_on_the_way_keeps_what_came_and_the_next_run_needs_only_the_rest(
    place: Place, bwlimit: str
) -> None:
    place.write("first", 1)
    place.run()
    before = place.prints
    place.leave(48)
    place.write("large", 60)
    place.say(bwlimit)

    full = place.run(code=1)

    assert full["attempts"] == 1
    assert place.prints == before
    place.give(int(lacking(full) * 1.05) + MB)
    again = place.run()
    place.assert_whole(again)
    assert again["bytes_received"] < 61 * MB - full["bytes_received"] + 2 * MB
    assert list(place.folder.work.iterdir()) == []


@pytest.mark.long
def test_a_file_of_another_user_that_takes_the_room_meanwhile_ends_the_run_in_good_order(place: Place) -> None:
    place.write("first", 1)
    place.run()
    before = place.prints
    place.write("large", 40)
    place.say("bwlimit: 8 MB/s")

    with subprocess.Popen(argv(place.config, "run", "nightly", "--json"), stdout=subprocess.PIPE) as running:
        partials = f"work/*/tree{place.lab.home}/.large.*"
        until(lambda: any(path.stat().st_size > 8 * MB for path in place.folder.path.glob(partials)), seconds=30)
        place.leave(2)
        out, _ = running.communicate(timeout=60)
    full = json.loads(out)

    assert (running.returncode, full["error"]["code"]) == (1, "disk-full")
    assert place.prints == before
    place.filler.unlink()
    place.say("")
    again = place.run()
    place.assert_whole(again)
    assert again["bytes_received"] < 36 * MB


@pytest.mark.long
def test_with_on_full_prune_old_snapshots_make_room_and_the_run_goes_through(place: Place) -> None:
    for number in range(3):
        place.write("changing", 15 + number)
        place.run()
    old = place.ids
    place.say("keep: {last: 1}\non_full: prune")
    place.leave(20)
    place.write("changing", 25)

    run = place.run()

    place.assert_whole(run)
    assert (run["status"], run["warnings"]) == ("ok", [])
    assert place.ids == [run["snapshot"]] or place.ids == [old[-1], run["snapshot"]]
    assert old[0] not in place.ids


@pytest.mark.long
def test_with_on_full_prune_a_transfer_that_fills_the_disk_is_tried_once_more_within_the_run(place: Place) -> None:
    place.write("old", 30)
    first = place.run()["snapshot"]
    (place.lab.home / "old").unlink()
    place.write("small", 1)
    later = [place.run()["snapshot"] for _ in range(5)]  # so that nothing is known of a run as large as the first
    place.say("keep: {last: 4}\non_full: prune\nbwlimit: 20 MB/s")
    place.leave(40)
    place.write("large", 45)

    run = place.run()

    place.assert_whole(run)
    assert run["attempts"] == 2
    assert place.ids == [*later[2:], run["snapshot"]]
    assert first not in place.ids


@pytest.mark.long
def test_with_on_full_prune_a_brake_holds_and_the_run_says_what_is_lacking(place: Place) -> None:
    place.write("first", 10)
    for _ in range(6):
        place.run()
    ids = place.ids
    place.say("keep: {last: 1}\non_full: prune")
    place.leave(20)
    place.write("large", 40)

    full = place.run(code=1)

    assert lacking(full) > 20 * MB
    assert any("5 of 6 good snapshots would go at once" in warning for warning in full["warnings"])
    assert place.ids == ids


@pytest.mark.long
def test_a_full_store_whose_pruning_is_frozen_says_so_and_how_to_thaw_it(place: Place) -> None:
    place.write("first", 20)
    place.run()
    suspect = place.run()["snapshot"]
    meta = place.folder.snapshots / suspect / "meta.json"
    meta.write_text(
        meta.read_text().replace('"status": "ok"', '"status": "suspect"').replace('"status":"ok"', '"status":"suspect"')
    )
    place.write("large", 40)
    for left in (25, 5):
        place.leave(left)

        full = place.run(code=1)

        assert full["error"]["code"] == "disk-full"
        assert full["error"]["hint"] == (
            f"pruning is frozen since {suspect} is suspect; if what changed in it is right: backupjump ack nightly"
        )


@pytest.mark.long
def test_what_broken_runs_got_of_files_that_are_gone_does_not_hold_the_room_for_ever(place: Place) -> None:
    place.write("first", 20)
    place.run()
    large = place.write("large", 60)
    place.leave(50)
    place.say("bwlimit: 20 MB/s")
    assert place.run(code=1)["error"]["code"] == "disk-full"
    large.unlink()
    place.write("other", 15)

    run = place.run()

    place.assert_whole(run)


@pytest.mark.long
def test_a_store_without_inodes_says_how_many_are_lacking(lab: Lab, disks: ExitStack) -> None:
    disks.enter_context(disk("ext4", lab.store, options=("-N", "1000", "-m", "0")))
    place = Place(lab)
    place.write("first", 1)
    place.run()
    fillers = lab.store / "fillers"
    fillers.mkdir()
    for number in range(os.statvfs(lab.store).f_favail - 260):
        (fillers / str(number)).touch()
    for number in range(300):
        (lab.home / f"new{number}").write_text("new")

    full = place.run(code=1)

    match = re.search(r"needs (\d+) more inodes than it has, \d+ are free", full["error"]["message"])
    assert match is not None, full
    assert (full["error"]["code"], full["attempts"]) == ("disk-full", 1)
    assert "df -i" in full["error"]["hint"]
    for number in range(round(int(match[1]) * 1.05)):
        (fillers / str(number)).unlink()
    place.assert_whole(place.run())
