"""A run that is killed at any moment costs nothing that was there, and the next one goes on."""

import json
import os
import random
import signal
import subprocess
from pathlib import Path

import pytest

from backupjump.demo.lab import Lab
from fingerprint import fingerprint
from program import argv, backupjump, until

pytestmark = pytest.mark.lab

SEED = 20261122
KINDS = ("orchestrator", "orchestrator and rsync", "rsync", "term", "tunnel")


def test_a_run_killed_at_random_moments_leaves_every_snapshot_as_it_was(lab: Lab) -> None:
    kill_again_and_again(lab, "rsync", rounds=2)


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_a_run_killed_at_many_random_moments_leaves_every_snapshot_as_it_was(lab: Lab, kind: str) -> None:
    kill_again_and_again(lab, kind, rounds=12)


def kill_again_and_again(lab: Lab, kind: str, *, rounds: int) -> None:
    chance = random.Random(f"{SEED} {kind} {rounds}")
    fill(lab.home, chance)
    config = lab.server_config()
    job = config.parent / "jobs/nightly.yaml"
    job.write_text(f"{job.read_text()}\ngrace: 1s\n")
    assert backupjump(config, "store", "init").code == 0
    lab.open_tunnel()
    assert backupjump(config, "run", "nightly").code == 0
    for number in range(rounds):
        change(lab.home, number, chance)
        before = snapshots(lab)
        moment = chance.uniform(0.0, 2.5)

        kill_one(lab, config, kind, moment)

        killed_at = f"{kind} after {moment:.3f} s, round {number}"
        after = snapshots(lab)
        assert {name: after.get(name) for name in before} == before, killed_at
        assert_all_whole(lab)
        lab.open_tunnel()
        until(lambda: backupjump(config, "run", "nightly").code == 0, seconds=60, what=f"a good run after {killed_at}")
        # By a restore: a plain user's store keeps modes and owners where only a restore brings them back from.
        restored = lab.folder / f"restored-{number}"
        assert backupjump(config, "restore", "nightly", "--to", str(restored)).code == 0, killed_at
        assert fingerprint(restored / lab.home.relative_to("/")) == fingerprint(lab.home), killed_at
        assert list((lab.store / "desktop/nightly/work").iterdir()) == [], killed_at


def kill_one(lab: Lab, config: Path, kind: str, moment: float) -> None:
    with subprocess.Popen(argv(config, "-q", "run", "nightly"), stdin=subprocess.DEVNULL) as running:
        try:
            running.wait(moment)
        except subprocess.TimeoutExpired:
            rsyncs = descendants(running.pid)
            if kind == "tunnel":
                lab.close_tunnel()
            elif kind == "term":
                running.send_signal(signal.SIGTERM)
            elif kind == "rsync":
                kill(rsyncs)
            else:
                running.kill()
                if kind == "orchestrator and rsync":
                    kill(rsyncs)
        running.wait(60)


def kill(pids: list[int]) -> None:
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def descendants(pid: int) -> list[int]:
    """Return the processes that descend from `pid`."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            parents[int(entry.name)] = int(fields[1])
    found = [pid]
    for parent in found:
        found += [child for child, its in parents.items() if its == parent]
    return found[1:]


def snapshots(lab: Lab) -> dict[str, object]:
    folder = lab.store / "desktop/nightly/snapshots"
    return {path.name: fingerprint(path) for path in sorted(folder.iterdir())}


def assert_all_whole(lab: Lab) -> None:
    """Every snapshot has its parts, and `latest` names one that is there."""
    folder = lab.store / "desktop/nightly"
    for path in (folder / "snapshots").iterdir():
        assert {each.name for each in path.iterdir()} == {"tree", "meta.json", "manifest.jsonl.zst"}, path
        assert json.loads((path / "meta.json").read_text())["run"]["status"] == "ok"
    assert (folder / "latest/tree").is_dir()


def fill(home: Path, chance: random.Random) -> None:
    for number in range(600):
        folder = home / f"d{number // 50:02}"
        folder.mkdir(exist_ok=True)
        (folder / f"f{number:04}").write_bytes(chance.randbytes(chance.choice((10, 3000, 40_000))))
    (home / "large").write_bytes(chance.randbytes(12_000_000))


def change(home: Path, number: int, chance: random.Random) -> None:
    """Touch content, modes, times, links and names, and the large file, so that a kill can hit any of it."""
    files = sorted(path for path in home.rglob("f*") if path.is_file())
    for path in chance.sample(files, 20):
        path.unlink()
        path.write_bytes(chance.randbytes(5000))
    for path in chance.sample(files, 5):
        path.chmod(chance.choice((0o600, 0o640, 0o444)))
    chance.choice(files).unlink()
    (home / f"new{number}").write_bytes(chance.randbytes(2_000_000))
    (home / "large").write_bytes(chance.randbytes(12_000_000))
