"""What `backupjump run` costs beside the same rsync by hand, on the same route, in the same minute.

    python tests/bench/overhead.py [--files 2000] [--runs 5]

Prints the median seconds of both and their difference, for a first pull and for one without changes.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from backupjump.demo.lab import Lab

FLAGS = ("-aHAX", "--numeric-ids", "-S", "-x", "--modify-window=-1", "--partial-dir=.partial")


def main() -> None:
    """Build the lab, time both, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--runs", type=int, default=5)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="overhead-") as place, Lab(Path(place) / "lab") as lab:
        fill(lab.home, asked.files)
        lab.open_tunnel()
        config = lab.server_config()
        backupjump(config, "store", "init")
        rows = [measure(lab, config, number) for number in range(asked.runs)]
    print(f"{asked.files} files, {asked.runs} runs of each in turn, medians in seconds")
    print(f"{'':12}{'rsync by hand':>16}{'backupjump run':>16}{'difference':>12}{'ratio':>8}")
    for title, one, other in (("first pull", 0, 1), ("no change", 2, 3)):
        by_hand = statistics.median(row[one] for row in rows)
        ours = statistics.median(row[other] for row in rows)
        print(f"{title:12}{by_hand:16.2f}{ours:16.2f}{ours - by_hand:12.2f}{ours / by_hand:8.2f}")


def measure(lab: Lab, config: Path, number: int) -> tuple[float, float, float, float]:
    """Return the seconds of one round: by hand and ours first, by hand and ours without changes."""
    ssh_config = lab.folder / "by-hand-ssh-config"
    ssh_config.write_bytes(backupjump(config, "ssh-config", "desktop"))
    base, second = lab.folder / f"hand-{number}-a", lab.folder / f"hand-{number}-b"
    shutil.rmtree(lab.store / "desktop", ignore_errors=True)
    source = f"bj-desktop:{lab.home}/"
    first_by_hand = seconds("rsync", *FLAGS, "-e", f"ssh -F {ssh_config}", source, f"{base}/")
    first = seconds(sys.executable, "-m", "backupjump", "--config", str(config), "run", "nightly")
    link = f"--link-dest={base}"
    second_by_hand = seconds("rsync", *FLAGS, link, "-e", f"ssh -F {ssh_config}", source, f"{second}/")
    again = seconds(sys.executable, "-m", "backupjump", "--config", str(config), "run", "nightly")
    shutil.rmtree(base)
    shutil.rmtree(second)
    return first_by_hand, first, second_by_hand, again


def seconds(*argv: str) -> float:
    """Return how long `argv` took."""
    begun = time.monotonic()
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    return time.monotonic() - begun


def backupjump(config: Path, *words: str) -> bytes:
    """Run the program and return what it printed."""
    argv = (sys.executable, "-m", "backupjump", "--config", str(config), *words)
    return subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE).stdout


def fill(home: Path, files: int) -> None:
    """Make `files` small files in folders of a hundred."""
    for number in range(files):
        folder = home / f"d{number // 100:03}"
        folder.mkdir(exist_ok=True)
        (folder / f"f{number:05}.txt").write_bytes(f"{number}\n".encode() * 200)


if __name__ == "__main__":
    main()
