"""How long the gate takes from the start of Python to its answer, beside a Python that does nothing.

    python tests/bench/gate_start.py [--runs 20] [--from ready|bundle|source]

It starts from the Desktop's one file: made ready, as enrolment leaves it, or as the Server wrote it, with nothing
compiled; or from this checkout.

Prints the median and the best in milliseconds, and the time on a processor, which a busy machine does not blur.
A pull is measured up to the rsync that it becomes, which ends at once here.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from backupjump.operations.bundle import write_bundle

sys.path.append(str(Path(__file__).parents[1]))
from desktop_program import desktop_argv
from gate_world import gate_world, pull_command


def main() -> None:
    """Time each word in turn, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--from", dest="origin", choices=["ready", "bundle", "source"], default="ready")
    said = parser.parse_args()
    runs = said.runs
    with tempfile.TemporaryDirectory(prefix="gate-start-") as place:
        program = program_of(said.origin, Path(place))
        world = gate_world(Path(place), policy={"hooks": {"nothing": ["/bin/true"]}}, program=program)
        shortcut = world.folder / "rsync"
        shortcut.write_text('#!/bin/sh\n[ "$2" = --version ] && exec rsync "$@"\nexit 0\n')
        shortcut.chmod(0o755)
        world.config.write_text(world.config.read_text().replace('"hooks"', f'"rsync": "{shortcut}", "hooks"'))
        words = {
            "refused": "ls",
            "outside": pull_command("/etc"),
            "pull": pull_command(world.home),
            "probe": "bj1 probe",
            "hook": "bj1 hook nothing",
            "done": "bj1 done ok 1",
        }
        print(f"{runs} runs of each, milliseconds{'median':>12}{'best':>8}{'processor':>12}")
        show("python -I -c pass", [seconds([world.argv[0], "-I", "-c", "pass"], "") for _ in range(runs)])
        for title, command in words.items():
            show(title, [seconds(world.argv, command) for _ in range(runs)])


def program_of(origin: str, folder: Path) -> tuple[str, ...]:
    """Return the words that start the gate from there."""
    if origin == "source":
        return (sys.executable, "-I", "-m", "backupjump.gate")
    bare = write_bundle(folder / "bare.pyz").path if origin == "bundle" else None
    return tuple(desktop_argv("gate", bundle=bare))


def seconds(argv: list[str], command: str) -> tuple[float, float]:
    """Return how long `argv` runs with `command` as what the Server asked for, and its time on a processor."""
    begun, used = time.monotonic(), processor()
    subprocess.run(argv, env={"SSH_ORIGINAL_COMMAND": command}, stdin=subprocess.DEVNULL, capture_output=True)
    return time.monotonic() - begun, processor() - used


def processor() -> float:
    """Return the seconds that ended children have spent on a processor."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def show(title: str, times: list[tuple[float, float]]) -> None:
    """Print one row."""
    wall, used = zip(*times, strict=True)
    median, best, share = statistics.median(wall), min(wall), statistics.median(used)
    print(f"{title:30}{median * 1000:11.0f}{best * 1000:8.0f}{share * 1000:12.0f}")


if __name__ == "__main__":
    main()
