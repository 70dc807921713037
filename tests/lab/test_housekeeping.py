"""What follows a run: a prune under its lock, and a trash that nobody waits for."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from backupjump.demo.lab import Lab
from backupjump.run import Status, utc_now
from backupjump.store.lock import locked
from backupjump.store.marks import Hold, Marks, read_marks, write_marks
from backupjump.store.runs import read_runs
from fingerprint import fingerprint
from lab.nightly import Nightly
from program import argv, backupjump, until
from store_world import write

pytestmark = pytest.mark.lab

DAY = timedelta(days=1)


class Place(Nightly):
    """A lab whose nightly job keeps by `keep`."""

    def __init__(self, lab: Lab, keep: str) -> None:
        write(lab.home / "file")
        super().__init__(lab)
        self.keep(keep)

    def keep(self, keep: str) -> None:
        self.say(f"keep: {keep}")

    def fill_trash(self, files: int = 40_000) -> Path:
        """Put so much into the trash that deleting it takes a while."""
        tree = self.folder.trash / "2020-01-01T00-00-00Z" / "tree"
        tree.mkdir(parents=True)
        for number in range(files):
            os.close(os.open(tree / str(number), os.O_CREAT | os.O_WRONLY))
        return tree


def test_a_good_run_prunes_by_keep_and_leaves_no_trash(lab: Lab) -> None:
    place = Place(lab, "{last: 2}")
    first, second = place.run()["snapshot"], place.run()["snapshot"]
    write_marks(place.folder, Marks(holds={first: Hold(until=utc_now() - DAY)}, verified_at={first: utc_now()}))
    before = place.prints

    run = place.run()

    assert (run["status"], run["warnings"]) == ("ok", [])
    assert place.ids == [second, run["snapshot"]]
    assert place.prints[second] == before[second]
    assert list(place.folder.trash.iterdir()) == []
    assert (read_marks(place.folder).holds, read_marks(place.folder).verified_at) == ({}, {})


@pytest.mark.long
def test_a_brake_lets_nothing_go_and_is_a_warning_that_changes_no_status(lab: Lab) -> None:
    place = Place(lab, "{last: 9}")
    ids = [place.run()["snapshot"] for _ in range(4)]
    place.keep("{last: 1}")

    run = place.run()

    assert (run["status"], run["exit_code"]) == ("ok", 0)
    assert run["warnings"] == [
        "nothing was pruned: 4 of 5 good snapshots would go at once; see: backupjump prune nightly --dry-run"
    ]
    assert place.ids == [*ids, run["snapshot"]]
    assert read_runs(place.folder)[-1].warnings == tuple(run["warnings"])


@pytest.mark.long
def test_a_prune_that_fails_is_a_warning_of_a_run_that_is_as_good_as_before(lab: Lab) -> None:
    place = Place(lab, "{last: 1}")
    first = place.run()["snapshot"]
    place.folder.marks.write_text("{")

    run = place.run()

    assert run["status"] == "ok"
    assert run["warnings"][0].startswith("nothing was pruned: ")
    assert "marks.json is damaged" in run["warnings"][0]
    assert place.ids == [first, run["snapshot"]]


@pytest.mark.long
def test_a_failed_run_prunes_nothing(lab: Lab) -> None:
    place = Place(lab, "{last: 2}")
    ids = [place.run()["snapshot"] for _ in range(2)]
    place.keep("{last: 1}")
    lab.close_tunnel()

    place.run(code=75)

    assert place.ids == ids


@pytest.mark.long
def test_a_run_goes_through_while_another_process_empties_the_trash(lab: Lab) -> None:
    place = Place(lab, "{last: 2}")
    place.run()
    tree = place.fill_trash()
    reaper = subprocess.Popen(argv(place.config, "prune", "nightly"), stdout=subprocess.DEVNULL)
    try:
        until(lambda: sum(1 for _ in tree.iterdir()) < 40_000, seconds=30, what="a reaper at work")
        reaper.send_signal(signal.SIGSTOP)

        run = place.run()
        left = sum(1 for _ in tree.iterdir())
    finally:
        reaper.send_signal(signal.SIGCONT)
        ended = reaper.wait(60)

    assert run["snapshot"] in place.ids
    assert left > 0, "the reaper had finished before the run: more files are needed"
    assert ended == 0
    assert list(place.folder.trash.iterdir()) == []


@pytest.mark.long
def test_a_signal_while_the_trash_is_emptied_ends_the_command_and_leaves_the_run_as_good_as_it_was(lab: Lab) -> None:
    place = Place(lab, "{last: 2}")
    place.run()
    tree = place.fill_trash()

    command = subprocess.Popen(argv(place.config, "run", "nightly", "--json"), stdout=subprocess.PIPE)
    try:
        until(lambda: sum(1 for _ in tree.iterdir()) < 40_000, seconds=30, what="a reaper at work")
        with locked(place.folder):
            command.terminate()
            out, _ = command.communicate(timeout=30)
    finally:
        command.kill()
        command.wait()
    told, noted = json.loads(out), read_runs(place.folder)[-1]
    left = sum(1 for _ in place.folder.trash.rglob("*"))

    assert command.returncode == 143
    assert (told["status"], told["snapshot"], told["exit_code"]) == ("ok", place.ids[-1], 143)
    assert (noted.status, noted.snapshot, noted.exit_code) == (Status.OK, place.ids[-1], 0)
    assert left > 0
    assert place.run()["status"] == "ok"
    assert list(place.folder.trash.iterdir()) == []


def test_a_signal_after_the_publication_leaves_the_run_as_good_as_it_was_and_stops_what_follows(lab: Lab) -> None:
    place = Place(lab, "{last: 1}")
    first = place.run()["snapshot"]
    place.plain += '\nserver_hooks: {after: [[sh, -c, "kill -TERM $PPID; sleep 20"]]}\n'
    place.keep("{last: 1}")

    run = place.run(code=143)

    noted = read_runs(place.folder)[-1]
    assert (run["status"], run["exit_code"], run["error"]) == ("ok", 143, None)
    assert (noted.run_id, noted.status, noted.exit_code) == (run["run_id"], Status.OK, 0)
    assert place.ids == [first, run["snapshot"]], "what follows, a prune, was stopped"


@pytest.mark.long
def test_a_restore_keeps_its_snapshot_from_a_prune(lab: Lab) -> None:
    place = Place(lab, "{last: 1}")
    for number in range(300):
        write(lab.home / f"f{number}", os.urandom(100_000))
    first = place.run()["snapshot"]
    to = lab.folder / "restored"

    restore = subprocess.Popen(argv(place.config, "restore", "nightly", "--to", str(to)), stdout=subprocess.DEVNULL)
    try:
        until(lambda: list(to.rglob("f*")), seconds=30, what="a restore at work")
        os.kill(restore.pid, signal.SIGSTOP)
        run = place.run()
        during = place.ids
    finally:
        os.kill(restore.pid, signal.SIGCONT)
        ended = restore.wait(60)
    last = place.run()["snapshot"]

    assert ended == 0
    assert fingerprint(to / lab.home.relative_to("/")) == fingerprint(lab.home)
    assert during == [first, run["snapshot"]]
    assert place.ids == [last], "the next prune takes both"


def test_a_good_run_reads_a_part_of_the_store_again_and_tries_a_restore_out_once_a_week(lab: Lab) -> None:
    place = Place(lab, "{last: 9}")

    place.run()
    first = read_marks(place.folder)
    place.run()

    assert first.parts_at
    assert len(read_marks(place.folder).parts_at) > len(first.parts_at)
    assert first.drilled_at is not None
    assert read_marks(place.folder).drilled_at == first.drilled_at


def test_damage_that_is_found_after_a_run_is_told_even_to_cron_and_the_job_needs_a_person(lab: Lab) -> None:
    place = Place(lab, "{last: 9}")
    files = [write(lab.home / f"file {number}", b"content") for number in range(400)]  # some in each part
    tree = place.folder.snapshots / place.run()["snapshot"] / "tree"
    for stored in (tree / file.relative_to("/") for file in files):
        write(stored, b"CONTENT", mtime=1_700_000_000)

    said = backupjump(place.config, "run", "nightly")

    assert said.code == 4
    assert read_runs(place.folder)[-1].exit_code == 0, "the run itself is good"
    assert "verify: damaged: /" in said.err
    assert "content is not what was backed up, and " in said.err
    assert "backupjump verify nightly --all --heal" in said.err
    assert backupjump(place.config, "status").code == 1
