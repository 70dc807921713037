"""What a store costs beside plain rsync by hand: same tree, same filesystem, same route, in the same minute. As root.

    python tests/bench/store.py [--files 200000] [--runs 3] [--on ext4,btrfs] [--million]

By hand is `rsync -aHAX --numeric-ids --link-dest` over the same `ssh -F` that the program uses. Prints for
each filesystem (hard links on ext4, subvolumes on btrfs; images in files) the seconds of a first pull and the
medians of pulls without changes, their ratios, and the share of the run that manifest and publish take; a pull
beside a prune that is deleting; and with --million the peak memory of our process at a million files. A run
ends when the next one may begin; the last column is when the command ends, which deletes and verifies after it.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from backupjump.demo.lab import Lab

sys.path.insert(0, str(Path(__file__).parents[1]))
from lab.filesystems import command, disk

BY_HAND = ("rsync", "-aHAX", "--numeric-ids")
MEBIBYTES = 32 << 10
# One inode for 16 KiB, as mkfs has it, is too few for a disk of small files in many snapshots of folders.
MKFS = {"ext4": ("-i", "8192"), "btrfs": ()}


@dataclass(frozen=True)
class Ours:
    """One run of the program: its seconds, of these from the manifest's first byte on, and its peak memory.

    A run ends when it is recorded and the next one may begin. The command goes on at idle priority: it
    deletes, and reads a part of the store again.
    """

    seconds: float
    finishing_seconds: float
    command_seconds: float
    peak_mebibytes: float


@dataclass(frozen=True)
class Stand:
    """A lab with a source, its store on a disk of its own, and the way to it by hand."""

    lab: Lab
    config: Path

    def by_hand(self, name: str, *more: str) -> float:
        """Copy the source into the folder `name` of the store's disk; return the seconds, everything synced."""
        ssh_config = self.lab.folder / "by-hand-ssh-config"
        ssh_config.write_bytes(backupjump(self.config, "ssh-config", "desktop"))
        begun = time.monotonic()
        source, target = f"bj-desktop:{self.lab.home}/", f"{self.hand(name)}/"
        self.hand(name).mkdir(parents=True)
        run(*BY_HAND, *more, "-e", f"ssh -F {ssh_config}", source, target)
        command("sync", "-f", self.lab.store)
        return time.monotonic() - begun

    def hand(self, name: str) -> Path:
        """Return a folder as deep as ours: what rsync 3.5 does for each file grows with the depth of --link-dest."""
        return self.lab.store / "by-hand/nightly/snapshots" / name / "tree" / self.lab.home.relative_to("/")

    def ours(self) -> Ours:
        """Run the program to its end."""
        begun = time.time()
        argv = (sys.executable, "-m", "backupjump", "--config", str(self.config), "run", "nightly", "--json")
        with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as running:
            peak = Peak(running.pid)
            peak.start()
            assert running.stdout is not None
            said = json.loads(running.stdout.read())
        peak.join()
        assert said["status"] == "ok", said
        finishing = self.published_at() - self.recording_began_at()
        recorded = (self.lab.store / "desktop/nightly/runs.jsonl").lstat().st_mtime
        return Ours(recorded - begun, finishing, time.time() - begun, peak.mebibytes)

    def published_at(self) -> float:
        """Return when the run moved `latest`, the last thing it does to the store but for its note of itself."""
        return (self.lab.store / "desktop/nightly/latest").lstat().st_mtime

    def recording_began_at(self) -> float:
        """Return when the newest manifest was made."""
        manifest = self.lab.store / "desktop/nightly/latest/manifest.jsonl.zst"
        said = command("stat", "--format=%w", manifest.resolve()).rpartition(" ")[0]
        whole, _, fraction = said.partition(".")
        return time.mktime(time.strptime(whole, "%Y-%m-%d %H:%M:%S")) + float(f"0.{fraction}")


class Peak(threading.Thread):
    """Watches the peak memory of one process, without its children, as long as it lives."""

    def __init__(self, pid: int) -> None:
        super().__init__()
        self.mebibytes = 0.0
        self._status = Path(f"/proc/{pid}/status")

    def run(self) -> None:
        """Read the kernel's high-water mark again and again."""
        while True:
            try:
                lines = self._status.read_text().splitlines()
            except (FileNotFoundError, ProcessLookupError):
                return
            peaks = [int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")]
            if not peaks:
                return
            self.mebibytes = peaks[0]
            time.sleep(0.05)


def main() -> None:
    """Build the lab, time both, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=200_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--on", default="ext4,btrfs")
    parser.add_argument("--million", action="store_true")
    asked = parser.parse_args()
    for kind in asked.on.split(","):
        measured(kind, files=asked.files, runs=asked.runs)
    if asked.million:
        measured("ext4", files=1_000_000, runs=1)


def measured(kind: str, *, files: int, runs: int) -> None:
    """Measure one filesystem and print its rows."""
    with (
        tempfile.TemporaryDirectory(prefix="store-") as place,
        Lab(Path(place) / "lab") as lab,
        disk(kind, lab.store, mebibytes=MEBIBYTES, options=MKFS[kind], image=Path(place) / "image"),
    ):
        fill(lab.home, files)
        lab.open_tunnel()
        stand = Stand(lab, lab.server_config(jobs={"nightly": job_of(lab)}))
        backupjump(stand.config, "store", "init")
        print(f"\n{kind}, {files} files: medians, seconds")
        print(f"{'':28}{'by hand':>10}{'ours':>10}{'ratio':>8}{'finishing':>11}{'peak MiB':>10}{'command':>10}")
        row("first pull", [(stand.by_hand("hand-base"), stand.ours())])
        row("without changes", [one_without_changes(stand, number) for number in range(runs)])
        row("  beside a deletion", [beside_a_prune(stand)])


def one_without_changes(stand: Stand, number: int) -> tuple[float, Ours]:
    """Return a pull by hand and one of ours, in the one order and in the other by turns."""
    name = f"hand-{number}"
    link = f"--link-dest={stand.hand('hand-base')}"
    ours = stand.ours() if number % 2 else None
    by_hand = stand.by_hand(name, link)
    shutil.rmtree(stand.hand(name))
    return by_hand, ours or stand.ours()


def beside_a_prune(stand: Stand) -> tuple[float, Ours]:
    """Return a pull by hand with nothing beside it, and one of ours that begins when a prune is deleting."""
    by_hand, _ = one_without_changes(stand, 0)
    job = stand.config.parent / "jobs/nightly.yaml"
    job.write_text(f"{job_of(stand.lab)}keep: {{last: 1}}\n")
    argv = (sys.executable, "-m", "backupjump", "--config", str(stand.config), "prune", "nightly", "--yes")
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as prune:
        trash = stand.lab.store / "desktop/nightly/trash"
        while not any(trash.iterdir()) and prune.poll() is None:
            time.sleep(0.01)
        job.write_text(job_of(stand.lab))
        ours = stand.ours()
        assert prune.wait() == 0
    return by_hand, ours


def row(title: str, pairs: list[tuple[float, Ours]]) -> None:
    """Print the medians of some pairs."""
    by_hand = statistics.median(hand for hand, _ in pairs)
    ours = statistics.median(each.seconds for _, each in pairs)
    share = statistics.median(each.finishing_seconds / each.seconds for _, each in pairs)
    peak = max(each.peak_mebibytes for _, each in pairs)
    whole = statistics.median(each.command_seconds for _, each in pairs)
    print(f"{title:28}{by_hand:10.2f}{ours:10.2f}{ours / by_hand:8.2f}{share:11.2f}{peak:10.0f}{whole:10.2f}")


def job_of(lab: Lab) -> str:
    """Return a job that keeps every snapshot."""
    return f"desktop: desktop\nsources: [{lab.home}]\ndefault_excludes: false\n"


def fill(home: Path, files: int) -> None:
    """Make `files` small files in folders of a hundred, a hundred of these in one."""
    for number in range(files):
        if number % 100 == 0:
            folder = home / f"documents-{number // 10_000:03}" / f"folder-{number // 100 % 100:02}"
            folder.mkdir(parents=True)
        (folder / f"some-file-{number:07}.txt").write_bytes(b"%d\n" % number * 20)


def run(*argv: str) -> None:
    """Run a command that must succeed."""
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def backupjump(config: Path, *words: str) -> bytes:
    """Run the program and return what it printed."""
    argv = (sys.executable, "-m", "backupjump", "--config", str(config), *words)
    return subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE).stdout


if __name__ == "__main__":
    main()
