"""`python -m tests.bench`: compare backupjump with other programs on this machine; see words.py."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
from bench.course import OURS, Asked, steps
from bench.hosts.host import Hosts
from bench.hosts.loopback import loopback
from bench.hosts.three import three_hosts
from bench.machine import this_machine, versions
from bench.page import PAGE, write_page
from bench.peers.everyone import missing, peers, ways
from bench.profile import profile
from bench.race import Race
from bench.samples import Report
from bench.table import as_text, costs, noise, stands, times
from bench.trees import SHAPES
from bench.words import asked_by, command_line, on_loopback, parser

# How much of the tree a program's disk holds in the end, and what is restored from it beside.
_ROOM = 2


def main() -> int:
    """Run what was asked for, and tell it."""
    said = parser().parse_args()
    if said.report:
        write_page([Report.from_json(file.read_text()) for file in said.report])
        return _say(f"{PAGE} and its picture are written")
    lacking = missing()
    for name, line in lacking.items():
        _say(f"{name} is left out, it is not installed: {line}")
    asked = asked_by(said, lacking)
    if on_loopback(said):
        _say("on loopback: no filesystems of their own, no slow line, no cold caches; these need root")
    _check_room(said.dir, asked)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that all is cleaned up
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bench-", dir=said.dir, ignore_cleanup_errors=True) as place:
        _say("starting the machines, enrolling the Desktop")
        with _hosts(Path(place), asked, said) as hosts:
            job_keys = "\n".join(said.job_key)
            if said.profile:
                print(profile(hosts, asked, job_keys=job_keys, say=_timed(begun)))
            else:
                race = Race(
                    hosts,
                    peers(hosts, asked.everyone, job_keys=job_keys),
                    divisor=asked.divisor,
                    on_step=_timed(begun),
                )
                _measure(race, asked, said.json)
    return _say(f"{time.monotonic() - begun:.0f} s")


def _measure(race: Race, asked: Asked, file: Path) -> None:
    options = {
        "command": command_line(sys.argv[1:]),
        "times": asked.times,
        "processors": os.cpu_count(),
    }
    report = Report(this_machine(), versions(), options)
    for sample in race.run(steps(asked)):
        report.samples.append(sample)
        _write(file, report.to_json())
    for tree, store in stands(report.samples):
        print(f"\n{tree} on {store}\n{as_text(times(report.samples, tree, store))}\n")
        print(as_text(costs(report.samples, tree, store)))
    _say(f"{noise(report.samples, os.cpu_count() or 1)}\nall figures: {file}")


def _hosts(place: Path, asked: Asked, said: argparse.Namespace) -> AbstractContextManager[Hosts]:
    if on_loopback(said):
        return loopback(place, ways=ways(asked.everyone))
    return three_hosts(place, ways=ways(asked.everyone), ours=said.profile or OURS in asked.everyone)


def _check_room(folder: Path, asked: Asked) -> None:
    largest = max(SHAPES[tree].scaled(asked.divisor).total_bytes for tree in asked.trees)
    wanted, free = largest * _ROOM * (len(asked.everyone) + 1), shutil.disk_usage(folder).free
    if free < wanted:
        sys.exit(
            f"{folder} has {free / 1e9:.0f} GB free of the {wanted / 1e9:.0f} that are needed: --dir, --tree, --peer"
        )


def _timed(begun: float) -> Callable[[str], None]:
    return lambda text: print(f"{time.monotonic() - begun:6.0f} s {text}", file=sys.stderr, flush=True)


def _write(file: Path, text: str) -> None:
    whole = file.with_name(f"{file.name}.new")
    whole.write_text(text)
    whole.replace(file)


def _say(text: str) -> int:
    print(text, file=sys.stderr, flush=True)
    return 0


if __name__ == "__main__":
    os.environ.setdefault("LC_ALL", "C.UTF-8")
    sys.exit(main())
