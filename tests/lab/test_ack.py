"""ack as a person types it, on a terminal that asks back."""

from __future__ import annotations

import os
import select
import subprocess
import time
from datetime import timedelta
from pathlib import Path

import pytest

from backupjump.run import Status
from backupjump.store.layout import JobFolder
from backupjump.store.snapshots import list_snapshots
from program import argv, backupjump
from store_world import AT, CONFIG, KEY, make_store, take, write

pytestmark = pytest.mark.lab

DAY = timedelta(days=1)


@pytest.fixture
def folder(tmp_path: Path) -> JobFolder:
    """A job with a good snapshot, and a suspect one in which a file of an odd name is gone."""
    made = make_store(tmp_path / "store")
    (tmp_path / "backupjump.yaml").write_text(CONFIG.format(store=made.store, state=tmp_path / "state", key=KEY))
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs/nightly.yaml").write_text("desktop: desktop\nsources: [/home/me]\n")
    take(made, lambda staging: write(staging.tree / "home/me/odd\x1b[31m/gone"))
    take(made, lambda _staging: None, status=Status.SUSPECT, at=AT + DAY)
    return made


def config_of(folder: JobFolder) -> Path:
    return folder.store.parent / "backupjump.yaml"


def typed(folder: JobFolder, answer: bytes) -> tuple[int, str]:
    """Run ack on a terminal of its own, type `answer` once it asks, and return exit code and screen."""
    ours, theirs = os.openpty()
    try:
        with subprocess.Popen(
            argv(config_of(folder), "ack", "nightly"), stdin=theirs, stdout=theirs, stderr=theirs
        ) as running:
            os.close(theirs)
            screen = read_until(ours, b"[y/N]")
            os.write(ours, answer)
            screen += read_until(ours, None)
            return running.wait(30), screen.decode()
    finally:
        os.close(ours)


def read_until(fd: int, wanted: bytes | None) -> bytes:
    """Read what comes until `wanted` has come, or with None until the other end is closed."""
    seen, deadline = b"", time.monotonic() + 30
    while wanted is None or wanted not in seen:
        assert select.select([fd], [], [], max(0, deadline - time.monotonic()))[0], seen
        try:
            chunk = os.read(fd, 4096)
        except OSError:  # EIO: nobody has the other end open any more
            return seen
        seen += chunk
    return seen


def awaiting(folder: JobFolder) -> int:
    return sum(snapshot.awaits_ack for snapshot in list_snapshots(folder))


def test_yes_acks_what_was_shown(folder: JobFolder) -> None:
    code, screen = typed(folder, b"y\n")

    assert code == 0, screen
    assert "0 files changed, 1 deleted, 0 new" in screen
    assert "/home/me/odd\\x1b[31m" in screen
    assert "\x1b[31m" not in screen
    assert awaiting(folder) == 0
    assert folder.latest.readlink().name == list_snapshots(folder)[-1].id


@pytest.mark.parametrize("answer", [b"n\n", b"\n", b"\x04"])
def test_anything_else_changes_nothing(folder: JobFolder, answer: bytes) -> None:
    code, screen = typed(folder, answer)

    assert code == 1, screen
    assert awaiting(folder) == 1
    assert folder.latest.readlink().name == list_snapshots(folder)[0].id


def test_without_a_terminal_nothing_is_asked_and_nothing_changed(folder: JobFolder) -> None:
    said = backupjump(config_of(folder), "ack", "nightly", "--json")

    assert said.code == 1
    assert (said.json["acked"], said.json["files_deleted"]) == ([], 1)
    assert said.json["folders"][0]["path_b64"]
    assert "backupjump ack nightly --yes" in said.err
    assert awaiting(folder) == 1


def test_what_is_not_right_never_counts_as_good_and_no_longer_keeps_a_prune_from_its_work(folder: JobFolder) -> None:
    said = backupjump(config_of(folder), "ack", "nightly", "--wrong")

    good, wrong = list_snapshots(folder)
    assert (said.code, said.err) == (0, "")
    assert f"{wrong.id}: never to count as good; runs stay compared with {good.id}" in said.out
    assert (wrong.is_good, wrong.awaits_ack) == (False, False)
    assert "suspect, wrong" in backupjump(config_of(folder), "snapshots", "nightly").out
    assert folder.latest.readlink() == Path("snapshots", good.id)
    assert backupjump(config_of(folder), "ack", "nightly").out.startswith("nightly has no suspect snapshot")
    assert backupjump(config_of(folder), "ack", "nightly", "--wrong", "--yes").code == 2


def test_an_ack_that_comes_after_the_next_good_run_does_not_name_another_measure(folder: JobFolder) -> None:
    newest = take(folder, lambda staging: write(staging.tree / "home/me/back"), at=AT + 2 * DAY).snapshot

    said = backupjump(config_of(folder), "ack", "nightly", "--yes")

    assert (said.code, said.err) == (0, "")
    assert "compared with" not in said.out
    assert "suspect, acked" in backupjump(config_of(folder), "snapshots", "nightly").out
    assert folder.latest.readlink().name == newest.id


def test_an_unknown_job_ends_with_2_and_a_guess(folder: JobFolder) -> None:
    said = backupjump(config_of(folder), "ack", "nightli")

    assert said.code == 2
    assert "nightly" in said.err
