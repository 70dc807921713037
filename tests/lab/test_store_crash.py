"""Killed at any moment, the store keeps every snapshot as it was and never shows half of one."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from itertools import count
from pathlib import Path

import pytest

from backupjump.store.layout import JobFolder
from backupjump.store.lock import locked
from backupjump.store.manifest import read_manifest, sha256_of
from backupjump.store.reaper import reap
from backupjump.store.snapshots import list_snapshots, newest_good
from fingerprint import Print, fingerprint
from store_world import a_few_files, attempt, make_store, take, take_and_die, write

pytestmark = pytest.mark.lab

SEED = 20261122
TESTS = Path(__file__).parents[1]

# What a run does to the store, again and again, until it is killed: link what is unchanged, write the
# rest, change folders, leave a half-written file; some attempts break off. It says each time it begins.
CHILD = """
import os, random, sys
from pathlib import Path
from store_world import attempt, make_store, take, write
from backupjump.config.models import PARTIAL_FOLDER
from backupjump.store.layout import JobFolder

folder = JobFolder(Path(sys.argv[1]), "desktop", "nightly")
chance = random.Random(sys.argv[2])

def fill(staging):
    here = staging.tree / "home/me"
    dests = staging.link_dests("/home/me")
    for number in range(120):
        name = f"d{number % 8}/f{number}"
        (here / name).parent.mkdir(exist_ok=True)
        old = dests[0] / name if dests else None
        if old is not None and old.exists() and chance.random() < 0.8:
            (here / name).hardlink_to(old)
        else:
            write(here / name, chance.randbytes(2000), mode=chance.choice((0o644, 0o400)))
    write(here / f"d{chance.randrange(8)}" / PARTIAL_FOLDER / f"f{chance.randrange(120)}", b"half")
    (here / "d1").chmod(0o555)

while True:
    print("round", flush=True)
    (attempt if chance.random() < 0.3 else take)(folder, fill)
"""


def test_a_kill_at_a_random_moment_costs_no_snapshot(tmp_path: Path) -> None:
    kill_again_and_again(tmp_path, seed=str(SEED), kills=6)


@pytest.mark.long
@pytest.mark.parametrize("part", range(4))
def test_many_kills_at_random_moments_cost_no_snapshot(tmp_path: Path, part: int) -> None:
    kill_again_and_again(tmp_path, seed=f"{SEED} long {part}", kills=40)


def kill_again_and_again(tmp_path: Path, *, seed: str, kills: int) -> None:
    folder = make_store(tmp_path / "store")
    chance = random.Random(seed)
    known: dict[str, dict[str, Print]] = {}
    for number in range(kills):
        moment = run_and_kill(folder, seed=f"{seed} {number}", chance=chance)

        assert_kept(folder, known, f"kill {number} after {moment:.4f} s")
        known = {path.name: fingerprint(path) for path in folder.snapshots.iterdir()}
    assert len(known) >= kills // 4, "the kills came so early that they prove nothing"


def run_and_kill(folder: JobFolder, *, seed: str, chance: random.Random) -> float:
    argv = [sys.executable, "-c", CHILD, str(folder.store), seed]
    environment = {**os.environ, "PYTHONPATH": f"{TESTS}:{TESTS.parent}"}
    with subprocess.Popen(argv, stdout=subprocess.PIPE, env=environment) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"round\n"
        began = time.monotonic()
        for _ in range(chance.randrange(2)):
            child.stdout.readline()
            began = time.monotonic()
        moment = chance.uniform(0, 0.25)
        while time.monotonic() < began + moment:
            assert child.poll() is None
        child.send_signal(signal.SIGKILL)
    return moment


def assert_whole(folder: JobFolder, killed_at: str) -> None:
    """Every snapshot has its tree, a manifest that lists it, and a meta.json; `latest` names a whole one."""
    snapshots = list_snapshots(folder)
    for snapshot in snapshots:
        assert snapshot.problem == "", killed_at
        assert {path.name for path in snapshot.path.iterdir()} == {"tree", "meta.json", "manifest.jsonl.zst"}, killed_at
        meta = json.loads((snapshot.path / "meta.json").read_text())
        assert meta["manifest"]["sha256"] == sha256_of(snapshot.manifest), killed_at
        listed = {os.fsdecode(entry.path) for entry in read_manifest(snapshot.manifest)}
        on_disk = {name for name in fingerprint(snapshot.tree) if name.startswith("home/me")}
        assert listed == on_disk, killed_at
    if newest_good(snapshots) is not None and os.path.lexists(folder.latest):
        assert (folder.latest / "tree").is_dir(), killed_at


def test_after_a_kill_the_job_is_free_at_once_and_the_next_run_tidies_up(tmp_path: Path) -> None:
    folder = make_store(tmp_path / "store")
    chance = random.Random(SEED)
    for number in range(3):
        run_and_kill(folder, seed=f"tidy {number}", chance=chance)

    with locked(folder):
        pass
    published = take(folder, lambda staging: write(staging.tree / "home/me/last"))

    reap(folder)
    assert list(folder.work.iterdir()) == list(folder.trash.iterdir()) == []
    assert str(folder.latest.readlink()) == f"snapshots/{published.snapshot.id}"


def test_a_kill_before_each_single_operation_costs_no_snapshot_and_the_next_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", f"{TESTS}:{TESTS.parent}")  # the fork server is a new interpreter
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["store_world"])
    for nth in count(1):
        folder = make_store(tmp_path / f"store{nth}")
        for _ in range(2):
            take(folder, a_few_files)
        attempt(folder, a_few_files)
        before = {path.name: fingerprint(path) for path in folder.snapshots.iterdir()}

        child = context.Process(target=take_and_die, args=(folder, a_few_files), kwargs={"nth": nth})
        child.start()
        child.join()

        assert_kept(folder, before, f"killed before operation {nth}")
        published = take(folder, a_few_files)
        assert_kept(folder, before, f"the run after a kill before operation {nth}")
        reap(folder)
        assert list(folder.work.iterdir()) == list(folder.trash.iterdir()) == []
        assert str(folder.latest.readlink()) == f"snapshots/{published.snapshot.id}"
        if child.exitcode != -signal.SIGKILL:
            break

    assert child.exitcode == 0
    assert nth > 60, "too few operations were counted: are these the events that Python raises?"


def assert_kept(folder: JobFolder, before: dict[str, dict[str, Print]], when: str) -> None:
    """Every snapshot of `before` is there as it was, and whatever else is there is whole."""
    found = {path.name: fingerprint(path) for path in folder.snapshots.iterdir()}
    assert {id_: found.get(id_) for id_ in before} == before, when
    assert_whole(folder, when)
