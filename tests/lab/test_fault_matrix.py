"""Faults of a Desktop, a link and a person, through the real program: what a run makes of each.

docs/faults.md lists them all, these and those that other tests show.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from backupjump.demo.lab import Lab
from backupjump.demo.process_tree import descendants, kill_tree
from fingerprint import fingerprint
from lab.fault_world import Place
from program import backupjump, until

pytestmark = pytest.mark.lab

MEGABYTE = 1_000_000


@pytest.fixture
def place(lab: Lab) -> Place:
    return Place(lab)


def large(path: Path, megabytes: int = 12) -> Path:
    path.write_bytes(os.urandom(megabytes * MEGABYTE))
    return path


def test_a_desktop_that_stops_sending_ends_the_run_in_time_and_what_arrived_is_gone_on_with(place: Place) -> None:
    content = large(place.lab.home / "large").read_bytes()
    place.say("bwlimit: 4 MB/s\nidle_limit: 3s")
    with place.running() as run:
        stopped = place.senders()
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
    for pid in stopped:
        kill_tree(pid, itself_too=True)

    assert stopped
    assert run.returncode == 75
    assert not place_is_written_to(place)
    place.say("")
    again = place.run()
    assert (place.tree(again) / "large").read_bytes() == content
    assert again["bytes_received"] < 11.5 * MEGABYTE


def place_is_written_to(place: Place) -> bool:
    """Whether any rsync still has the store in its argv."""
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = process.read_bytes()
            if words.startswith(b"rsync\0") and os.fsencode(place.lab.store) in words:
                return True
    return False


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda path: os.truncate(path, 3 * MEGABYTE), id="shrinks"),
        pytest.param(lambda path: os.truncate(path, 14 * MEGABYTE), id="grows"),
        pytest.param(lambda path: path.write_bytes(os.urandom(12 * MEGABYTE)), id="is rewritten"),
    ],
)
def test_a_file_that_changes_while_it_is_read_is_right_in_the_next_snapshot(
    place: Place, change: Callable[[Path], object]
) -> None:
    path = large(place.lab.home / "large")
    place.say("bwlimit: 6 MB/s")
    with place.running() as run:
        change(path)
    place.say("")

    again = place.run()

    assert run.returncode in {0, 3}
    assert fingerprint(place.tree(again)) == fingerprint(place.lab.home)


def test_a_thousand_files_that_vanish_meanwhile_are_ordinary_and_noted(place: Place) -> None:
    large(place.lab.home / "a-large-one-first")
    going = [place.lab.home / f"going{number:04}" for number in range(1000)]
    for path in going:
        path.write_text("content")
    place.say("bwlimit: 6 MB/s")
    with place.running() as run:
        for path in going:
            path.unlink()

    vanished = re.search(r'"vanished": (\d+),', (place.folder / "latest/meta.json").read_text())
    assert run.returncode == 0
    assert vanished is not None
    assert int(vanished[1]) > 500, "the sender reads ahead: some were on their way"
    stored = place.folder / "latest/tree" / place.lab.home.relative_to("/")
    assert (stored / "a-large-one-first").read_bytes() == (place.lab.home / "a-large-one-first").read_bytes()


def test_after_a_kill_in_mid_transfer_the_next_run_waits_until_the_orphaned_rsync_is_gone(place: Place) -> None:
    large(place.lab.home / "large")
    place.say("bwlimit: 2 MB/s")
    with place.running() as run:
        orphans = descendants(run.pid)
        run.kill()
        run.wait()
        at_once = backupjump(place.config, "run", "nightly", "--json")
        busy = place_is_written_to(place)
    for pid in orphans:
        kill_tree(pid, itself_too=True)
    until(lambda: not place_is_written_to(place), what="the end of the orphaned rsync")

    assert (at_once.code, at_once.json["status"]) == (11, "locked")
    assert busy
    place.say("")
    assert fingerprint(place.tree(place.run())) == fingerprint(place.lab.home)


def test_names_that_mean_something_to_the_store_arrive_like_others(place: Place) -> None:
    composed, decomposed = (unicodedata.normalize(form, "Zoë") for form in ("NFC", "NFD"))
    for name in (composed, decomposed, "latest", "tree", "meta.json", "work", " leading", "settled", ".name.abc123"):
        (place.lab.home / name).write_text(f"content of {name}")

    run = place.run()

    assert fingerprint(place.tree(run)) == fingerprint(place.lab.home)


def test_an_edit_of_the_same_size_within_the_second_of_the_backup_is_in_the_next_one(place: Place) -> None:
    path = place.lab.home / "file"
    path.write_text("before")
    os.utime(path, ns=(0, 1_700_000_000_100_000_000))
    place.run()
    path.write_text("behind")
    os.utime(path, ns=(0, 1_700_000_000_900_000_000))

    again = place.run()

    assert (place.tree(again) / "file").read_text() == "behind"


def test_what_is_excluded_while_an_attempt_waits_is_not_in_what_comes_of_it(place: Place) -> None:
    secret = place.lab.home / "aaa-secret"
    secret.mkdir()
    (secret / "file").write_text("secret")
    content = large(place.lab.home / "large").read_bytes()
    place.say("bwlimit: 4 MB/s\nattempts: 1")
    with place.running() as run:
        until(lambda: place.arrived() > 4 * MEGABYTE, seconds=60, what="a good part of the file")
        place.lab.close_tunnel()
    assert run.returncode == 75
    place.lab.open_tunnel()
    place.say("exclude: [aaa-secret]")

    again = place.run()

    assert {path.name for path in place.tree(again).iterdir()} == {"large"}
    assert (place.tree(again) / "large").read_bytes() == content
    assert again["bytes_received"] < 10 * MEGABYTE


@pytest.mark.parametrize("how", ["edited as an editor does", "written into", "deleted"])
def test_what_a_person_changes_inside_a_snapshot_is_reported_and_not_built_on(place: Place, how: str) -> None:
    (place.lab.home / "file").write_text("content")
    (place.lab.home / "other").write_text("other")
    stored = place.tree(place.run()) / "file"
    if how == "edited as an editor does":
        stored.with_name("new").write_text("changed")
        stored.with_name("new").rename(stored)
    elif how == "written into":
        stored.write_text("changed")
    else:
        stored.unlink()

    verified = backupjump(place.config, "verify", "nightly", "--all", "--json")
    again = place.run(code=0)

    assert verified.code == 4, verified
    assert str(place.lab.home / "file") in {each["path"] for each in verified.json["damaged"]}
    assert fingerprint(place.tree(again)) == fingerprint(place.lab.home)


@pytest.mark.needs_root
def test_a_disk_of_the_history_that_is_full_does_not_keep_a_run_from_publishing(place: Place) -> None:
    (place.lab.home / "file").write_text("content")
    place.run()
    state = place.lab.state
    with full_disk_over(state):
        (place.lab.home / "file").write_text("changed")
        during = place.run()
    place.run()

    runs = backupjump(place.config, "history", "nightly", "--json").json
    assert during["snapshot"] in {run["snapshot"] for run in runs}
    assert len(runs) == 3


@contextmanager
def full_disk_over(folder: Path) -> Iterator[None]:
    """Mount a disk over `folder`, with a copy of what is in it and not a byte more."""
    copy = folder.with_name("copy of state")
    subprocess.run(["cp", "-a", folder, copy], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], check=True)
    try:
        subprocess.run(["cp", "-a", f"{copy}/.", folder], check=True)
        with contextlib.suppress(OSError), (folder / "filler").open("wb", buffering=0) as filler:
            while True:
                filler.write(b"f" * 4096)
        yield
    finally:
        subprocess.run(["umount", folder], check=True)
