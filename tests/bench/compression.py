"""What zstd on the wire costs and gains: a first copy by proxyjump with and without it, by content and link speed.

    python tests/bench/compression.py [--mb 500] [--runs 3] [--links 0 12.5 50 100]

A link is in MB/s; 0 is loopback as it is, any other is emulated by rsync's own --bwlimit, which counts what goes
over the wire. Prints the median seconds of both and the megabytes on the wire; all three roles share this machine's
CPUs. Then the CPU time of the two rsyncs alone, through a pipe without ssh.
"""

from __future__ import annotations

import argparse
import random
import re
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from backupjump.demo.lab import Lab
from backupjump.rsync.argv import COMPRESSED

_FLAGS = ("-aHAX", "--numeric-ids", "-S", "-x", "--modify-window=-1", "--partial-dir=.partial", "--stats")
_FILE_BYTES = 256 * 1024
_RANDOM_SHARES = {"all text": 0.0, "half text": 0.5, "all random": 1.0}


@dataclass(frozen=True)
class Copy:
    """One first copy: its seconds, the bytes that came in, and the CPU seconds of what was not behind an sshd."""

    seconds: float
    wire_bytes: int
    cpu_seconds: float


def main() -> None:
    """Build the lab, copy each content over each link, with and without, in turn; print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mb", type=int, default=500)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--links", type=float, nargs="+", default=[0, 12.5, 50, 100])
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the lab's sshds end too
    print(f"{asked.mb} MB, {asked.runs} runs of each in turn, medians: seconds, MB on the wire")
    print(f"{'content':12}{'link':>8}{'plain':>20}{'zstd level 1':>20}{'ratio':>8}")
    with tempfile.TemporaryDirectory(prefix="compression-") as place, Lab(Path(place) / "lab") as lab:
        config = lab.server_config()
        pipe, ssh = str(lab.folder / "pipe"), f"ssh -F {lab.folder}/by-hand-ssh-config"
        Path(pipe).write_text('#!/bin/sh\nshift\nexec sh -c "$*"\n')
        Path(pipe).chmod(0o755)
        lab.open_tunnel()
        (lab.folder / "by-hand-ssh-config").write_bytes(_backupjump(config, "ssh-config", "desktop"))
        for content, random_share in _RANDOM_SHARES.items():
            fill(lab.home, asked.mb * 10**6, random_share)
            for link in asked.links:
                limit = (f"--bwlimit={int(link * 1e6 / 1024)}",) if link else ()
                pairs = [(copy(lab, ssh, *limit), copy(lab, ssh, *limit, *COMPRESSED)) for _ in range(asked.runs)]
                plain, packed = (_median(copies) for copies in zip(*pairs, strict=True))
                print(
                    f"{content:12}{f'{link:g}' if link else 'loop':>8}{_shown(plain):>20}{_shown(packed):>20}"
                    f"{packed.seconds / plain.seconds:8.2f}",
                    flush=True,
                )
            plain, packed = (
                _median([copy(lab, pipe, *words) for _ in range(asked.runs)]) for words in ((), COMPRESSED)
            )
            print(
                f"{content:12}{'pipe':>8}{f'{plain.cpu_seconds:.2f} CPU s':>20}{f'{packed.cpu_seconds:.2f} CPU s':>20}"
                f"{(packed.cpu_seconds - plain.cpu_seconds) * 1000 / asked.mb:8.1f} ms/MB",
                flush=True,
            )


def copy(lab: Lab, shell: str, *options: str) -> Copy:
    """Return what one first copy of the Desktop's home took, by rsync alone."""
    target = lab.folder / "copy"
    shutil.rmtree(target, ignore_errors=True)
    argv = ("rsync", *_FLAGS, *options, "-e", shell, f"bj-desktop:{lab.home}/", f"{target}/")
    begun, busy = time.monotonic(), _children_seconds()
    done = subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    took, used = time.monotonic() - begun, _children_seconds() - busy
    received = re.search(rb"Total bytes received: ([\d,]+)", done.stdout)
    assert received is not None
    return Copy(took, int(received[1].replace(b",", b"")), used)


def fill(home: Path, size: int, random_share: float) -> None:
    """Make files of 256 KiB, `size` bytes in all, of which every so many are random and the others are text."""
    shutil.rmtree(home)
    home.mkdir()
    chance = random.Random(7)
    words = ["".join(chance.choices("etaoinshrdlucmfw", k=chance.randint(2, 11))) for _ in range(4000)]
    for number in range(size // _FILE_BYTES):
        folder = home / f"d{number // 100:03}"
        folder.mkdir(exist_ok=True)
        is_random = int((number + 1) * random_share) > int(number * random_share)
        text = " ".join(chance.choices(words, k=_FILE_BYTES // 7)).encode().ljust(_FILE_BYTES, b"\n")
        content = chance.randbytes(_FILE_BYTES) if is_random else text[:_FILE_BYTES]
        (folder / f"f{number:05}").write_bytes(content)


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _median(copies: Sequence[Copy]) -> Copy:
    return Copy(
        statistics.median(each.seconds for each in copies),
        round(statistics.median(each.wire_bytes for each in copies)),
        statistics.median(each.cpu_seconds for each in copies),
    )


def _shown(one: Copy) -> str:
    return f"{one.seconds:.2f} s {one.wire_bytes / 1e6:.0f} MB"


def _backupjump(config: Path, *words: str) -> bytes:
    argv = (sys.executable, "-m", "backupjump", "--config", str(config), *words)
    return subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE).stdout


if __name__ == "__main__":
    main()
