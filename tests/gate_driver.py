"""Let the gate obey many lines, each in a process of its own, forked: what a fuzz under strace starts.

python gate_driver.py CONFIG HOME COUNT SEED        prints how many lines ended with which exit code, as JSON
"""

from __future__ import annotations

import importlib
import json
import os
import random
import sys
from collections import Counter
from pathlib import Path

from backupjump.gate.main import main

sys.path.append(str(Path(__file__).parent))
from gate_mutations import mutated

# What main imports word by word: loaded once, before the forks.
for name in (
    "config.desktop",
    "config.state",
    "gate.done",
    "gate.hook",
    "gate.log",
    "gate.probe",
    "gate.send",
    "gate.send_list",
):
    importlib.import_module(f"backupjump.{name}")


def obeyed(line: bytes, config: str) -> int:
    """Return the exit code with which a process ended that was the gate for `line`."""
    pid = os.fork()
    if pid == 0:
        nowhere = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(nowhere, fd)
        os.environb[b"SSH_ORIGINAL_COMMAND"] = line
        sys.argv = ["backupjump-gate", "--config", config]
        try:
            os._exit(main())
        except BaseException:
            os._exit(99)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def lines(home: str, count: int, seed: int) -> list[bytes]:
    """Return mutated lines that mean the folder `home`, without the NUL that no environment can carry."""
    chance = random.Random(seed)
    root = os.fsencode(home)
    canary = root.rpartition(b"/home/")[0] + b"/canary"
    made = (mutated(chance).replace(b"\0", b"") for _ in range(count))
    return [line.replace(b"/home/me", root).replace(b"/tmp/canary", canary)[:100_000] for line in made]


if __name__ == "__main__":
    config, home, count, seed = sys.argv[1:]
    ends = Counter(obeyed(line, config) for line in lines(home, int(count), int(seed)))
    print(json.dumps(ends))  # noqa: T201
