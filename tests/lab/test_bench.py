"""The benchmark itself runs to its end, in both of its labs, and leaves nothing behind."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lab.machines import CHECKOUT
from program import until

pytestmark = [pytest.mark.lab, pytest.mark.long]

PEERS = ["rsync", "backupjump"]


def words(folder: Path, *more: str) -> list[str]:
    where = ("--dir", str(folder), "--json", str(folder / "bench.json"))
    return [sys.executable, "-m", "tests.bench", "--quick", "--peer", ",".join(PEERS), *where, *more]


def samples(folder: Path, *more: str) -> list[dict[str, Any]]:
    done = subprocess.run(words(folder, *more), cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads((folder / "bench.json").read_text())["samples"]
    return found


def names(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir()}


def loop_devices() -> str:
    return subprocess.run(["losetup", "--list"], capture_output=True, text=True, check=True).stdout


@pytest.mark.needs_root
def test_a_quick_benchmark_measures_every_work_on_both_kinds_of_store(tmp_path: Path) -> None:
    found = samples(tmp_path)

    works = {"first", "nothing-changed", "changed", "restore-one", "restore-all", "prune"}
    assert {(each["store"], each["work"], each["peer"]) for each in found} == {
        (store, work, peer) for store in ("ext4", "btrfs") for work in works for peer in PEERS
    }
    pulls = [each for each in found if each["work"] == "first"]
    # 50 MB, and half of it can be compressed, which backupjump does where the machine is too busy for a fast link.
    assert all(each["wire_bytes"] > 25e6 and min(each["cpu_seconds"].values()) > 0 for each in pulls)
    assert names(tmp_path) == {"bench.json"}


@pytest.mark.needs_root
def test_a_slow_line_is_as_slow_as_it_is_said_to_be(tmp_path: Path) -> None:
    found = samples(tmp_path, "--work", "first", "--row", "lan,wan", "--store", "ext4", "--peer", "rsync")

    fast, slow = (next(each for each in found if each["row"] == row) for row in ("lan", "wan"))
    # 50 MB at 100 Mbit/s, and no more than the headers of packets and the logins beside it.
    assert fast["seconds"] < slow["seconds"]
    assert slow["seconds"] > 4.0


@pytest.mark.needs_root
def test_a_benchmark_that_is_told_to_end_leaves_nothing_behind(tmp_path: Path) -> None:
    with subprocess.Popen(words(tmp_path), cwd=CHECKOUT, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        for line in running.stderr:
            if "first pull" in line:
                break
        running.send_signal(signal.SIGTERM)
        running.stderr.read()

    assert running.returncode == 128 + signal.SIGTERM
    until(lambda: str(tmp_path) not in loop_devices(), seconds=30, what="the end of its disks")
    assert names(tmp_path) <= {"bench.json"}
    assert list(Path("/sys/fs/cgroup").rglob(f"bench-{running.pid}")) == []


def test_on_loopback_it_measures_what_it_can(tmp_path: Path) -> None:
    found = samples(tmp_path, "--loopback", "--work", "first,nothing-changed")

    assert {(each["store"], each["peer"]) for each in found} == {("folder", peer) for peer in PEERS}
    assert {each["wire_bytes"] for each in found} == {-1}
    assert all(each["cpu_seconds"]["Server"] > 0 for each in found)
