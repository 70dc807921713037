"""Where each tenth of a second of a pull goes: what backupjump's main thread is at, and who has a processor.

Two observers with the clock in common: inside the run a thread that notes the stack of the main one, outside somebody
who reads what each process of the three machines has spent.
"""

from __future__ import annotations

import json
import shlex
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

from bench.course import CHANGED, FIRST, NOTHING, OURS, PULLS, WORKS, Asked, MakeTree, Measure, Mutate, Renew
from bench.hosts.host import Command, Hosts
from bench.hosts.process_trees import own_cpu_seconds
from bench.peers.ours import Ours
from bench.race import Race

BUCKET_SECONDS = 0.1
_LOOK_SECONDS = 0.02
# A process that had less of a processor than this in a tenth of a second is not named.
_LEAST_SHARE = 0.05

# argv: the file to write, and backupjump's own words.
_INSIDE = """
import json, sys, threading, time
begun, seen, ended = time.time(), [], threading.Event()
out = sys.argv.pop(1)
main_id = threading.get_ident()
def look():
    while not ended.wait(0.005):
        frame, names = sys._current_frames().get(main_id), []
        while frame is not None:
            name = frame.f_globals.get("__name__", "")
            if name.startswith("backupjump."):
                names.append(name.removeprefix("backupjump.") + "." + frame.f_code.co_name)
            frame = frame.f_back
        seen.append((time.time() - begun, names))
threading.Thread(target=look, daemon=True).start()
try:
    from backupjump.cli.main import main
    code = main()
except SystemExit as end:
    code = end.code
ended.set()
with open(out, "w") as file:
    json.dump({"begun": begun, "seen": seen}, file)
sys.exit(code)
"""


@dataclass(frozen=True)
class Bucket:
    """A tenth of a second: what the main thread was at for most of it, and the share of a processor of each process."""

    at_seconds: float
    busy_with: str
    shares: Mapping[str, float]


class _Profiled(Ours):
    """backupjump, started by a Python that looks into it; `is_on` from the run on that is wanted."""

    is_on = False

    def pull(self) -> Command:
        """Return the run of the job, perhaps looked into."""
        command = super().pull()
        if not self.is_on:
            return command
        script = f"{self._hosts.sockets}/profile.py"
        self._hosts.path_here(script).write_text(_INSIDE)
        words = shlex.split(command.line)
        own = words[words.index("backupjump") + 1 :]
        return replace(command, line=shlex.join([sys.executable, script, self.seen, *own]))

    @property
    def seen(self) -> str:
        """Where what was seen inside is written, on the Server."""
        return f"{self._hosts.sockets}/profile.json"


class _Outside(threading.Thread):
    """Reads what each process has spent, again and again; `spent` has moments, and of each the seconds by name."""

    def __init__(self, hosts: Hosts) -> None:
        super().__init__(daemon=True)
        self.spent: list[tuple[float, dict[tuple[str, str, int], float]]] = []
        self.ended = threading.Event()
        self._hosts = hosts

    def run(self) -> None:
        """Read until told to stop."""
        while not self.ended.wait(_LOOK_SECONDS):
            now: dict[tuple[str, str, int], float] = {}
            for role, pids in self._hosts.pids().items():
                for pid in pids:
                    name, seconds = own_cpu_seconds(pid)
                    now[role, name, pid] = seconds
            self.spent.append((time.time(), now))


def profile(hosts: Hosts, asked: Asked, *, job_keys: str, say: Callable[[str], None]) -> str:
    """Run it on the first tree, store and row that were asked for, and return the table of the first pull of these."""
    tree, store = asked.trees[0], asked.stores[0]
    row = asked.rows[0] if asked.rows else "lan"
    work = next((each for each in asked.works if each in (FIRST, *PULLS)), NOTHING)
    ours = _Profiled(hosts, job_keys=job_keys)
    race = Race(hosts, {OURS: ours}, divisor=asked.divisor, on_step=say)
    before = [] if work == FIRST else [Measure(tree, store, row, each, OURS, 0) for each in (FIRST, NOTHING)]
    change = [Mutate(1)] if work == CHANGED else []
    list(race.run([MakeTree(tree), Renew(tree, store, (OURS,)), *before, *change]))
    ours.is_on = True
    outside = _Outside(hosts)
    outside.start()
    (sample,) = race.run([Measure(tree, store, row, work, OURS, 1)])
    outside.ended.set()
    outside.join()
    inside = json.loads(hosts.path_here(ours.seen).read_text())
    table = text(buckets(inside["begun"], inside["seen"], outside.spent))
    cpu = ", ".join(f"{role} {seconds:.2f}" for role, seconds in sample.cpu_seconds.items())
    return (
        f"{WORKS[work]}, {tree} on {store}, {row}: recorded after {sample.seconds:.2f} s, the command ended after "
        f"{sample.command_seconds:.2f} s, all after {sample.all_seconds:.2f} s; CPU-s: {cpu}\n\n{table}"
    )


def buckets(
    begun: float,
    seen: Iterable[tuple[float, list[str]]],
    spent: list[tuple[float, dict[tuple[str, str, int], float]]],
) -> list[Bucket]:
    """Return each tenth of a second of the run, in order. Pure."""
    places: dict[int, Counter[str]] = defaultdict(Counter)
    for at, names in seen:
        places[int(at / BUCKET_SECONDS)][place(names)] += 1
    shares: dict[int, Counter[str]] = defaultdict(Counter)
    for (_, before), (at, now) in pairwise(spent):
        for (role, name, pid), seconds in now.items():
            if name:
                more = seconds - before.get((role, name, pid), 0.0 if at > begun else seconds)
                shares[int((at - begun) / BUCKET_SECONDS)][f"{role} {name}"] += max(more, 0.0) / BUCKET_SECONDS
    return [
        Bucket(
            number * BUCKET_SECONDS,
            places[number].most_common(1)[0][0],
            {name: share for name, share in shares[number].most_common() if share >= _LEAST_SHARE},
        )
        for number in sorted(places)
    ]


def place(names: list[str]) -> str:
    """Return the innermost functions of ours, the outermost of these first; what stands around each run is left out."""
    inner = [each for each in names if not each.startswith(("cli.", "tasks.", "process."))]
    if not inner:
        return names[0] if names else "start of Python, imports"
    return " < ".join(inner[:2])


def text(found: list[Bucket]) -> str:
    """Return the table, and below it how long each place took in all."""
    lines = [
        f"{each.at_seconds:5.1f} s  {each.busy_with}\n         "
        + ", ".join(f"{name} {100 * share:.0f} %" for name, share in each.shares.items())
        for each in found
    ]
    whole = Counter(each.busy_with for each in found)
    lines.append("\nin all:")
    lines += (f"{count * BUCKET_SECONDS:5.1f} s  {busy_with}" for busy_with, count in whole.most_common())
    return "\n".join(lines)
