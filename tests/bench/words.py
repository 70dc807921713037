"""The words that the benchmark is started with."""

from __future__ import annotations

import argparse
import os
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from bench.course import FOLDER, LAN, NOTHING, OURS, PEERS, PTY, ROWS, STORES, TREES, WORKS, Asked

QUICK_DIVISOR = 40
_ABOUT = """\
Compare backupjump with rsync by hand, rsnapshot, borg and restic: on this machine, on the same trees, in turn, through
the same kind of tunnel. What is measured, and how: docs/performance.md.

As root it builds three machines in namespaces, and each program gets a new filesystem. For a plain user all is on
loopback, in folders: no slow line, no cold caches, no bytes on the wire.
"""
_EXAMPLES = f"""\
examples:
  python -m tests.bench --quick                     all programs, a small tree, within three minutes
  python -m tests.bench                             everything; hours
  python -m tests.bench --tree home --work nothing-changed --peer rsync,backupjump --times 5 --store btrfs
  python -m tests.bench --tree home --row wan --work nothing-changed,changed --json wan.json
  python -m tests.bench --tree tiny --peer rsync,backupjump --job-key 'full_every: 1d'
  python -m tests.bench --profile --tree home       where each tenth of a second of "nothing changed" goes
  python -m tests.bench --profile --work changed    … of "1 % changed"
  python -m tests.bench --report bench.json wan.json       the table and the picture of docs/performance.md

trees: {", ".join(TREES)}
stores: {", ".join(STORES)}
works: {", ".join(WORKS)}
rows: {", ".join(f"{row} ({title or 'as it is'})" for row, title in ROWS.items())}
peers: {", ".join(PEERS)}; with {PTY} behind its name the tunnel is held by `ssh -tt`, not by `ssh -N`
"""


def parser() -> argparse.ArgumentParser:
    """Return what reads the words."""
    made = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description=_ABOUT,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--quick", action="store_true", help=f"a tree {QUICK_DIVISOR} times smaller, each work once")
    with_pty = [f"{name}{PTY}" for name in PEERS if name != OURS]
    lists: Mapping[str, Iterable[str]] = {
        "tree": TREES, "store": STORES, "work": WORKS, "row": ROWS, "peer": [*PEERS, *with_pty]
    }  # fmt: skip
    for name, known in lists.items():
        made.add_argument(
            f"--{name}", type=some_of(known), default=[], metavar="NAME,…", help=f"these {name}s only, see below"
        )
    made.add_argument("--times", type=int, metavar="N", help="how often each work is measured (3, with --quick 1)")
    made.add_argument(
        "--job-key", action="append", default=[], metavar="YAML", help="one more line for backupjump's job"
    )
    made.add_argument(
        "--json", type=Path, default=Path("bench.json"), metavar="FILE", help="where all figures go (%(default)s)"
    )
    made.add_argument(
        "--dir", type=Path, default=Path("/var/tmp"), help="a folder on a disk with room for it all (%(default)s)"
    )
    made.add_argument("--loopback", action="store_true", help="as for a plain user, though this is root")
    made.add_argument("--profile", action="store_true", help="tell where the time of one pull goes instead")
    made.add_argument(
        "--report", type=Path, nargs="+", metavar="FILE", help="measure nothing; write what these hold into the page"
    )
    return made


def asked_by(said: argparse.Namespace, missing: Iterable[str]) -> Asked:
    """Return what these words mean, without those that are missing."""
    return Asked(
        trees=said.tree or (["home"] if said.quick else TREES),
        stores=[FOLDER] if on_loopback(said) else said.store or STORES,
        rows=[LAN] if on_loopback(said) else said.row,
        works=said.work or ((NOTHING,) if said.profile else tuple(WORKS)),
        peers=said.peer,
        missing=tuple(missing),
        times=said.times or (1 if said.quick else 3),
        divisor=QUICK_DIVISOR if said.quick else 1,
    )


def command_line(words: Sequence[str]) -> str:
    """Return how the benchmark was started, without what only tells where its files lie."""
    kept = list(words)
    for option in ("--json", "--dir"):
        while option in kept:
            del kept[kept.index(option) : kept.index(option) + 2]
    return shlex.join(["python", "-m", "tests.bench", *kept])


def on_loopback(said: argparse.Namespace) -> bool:
    """Say whether it is the lab of a plain user."""
    return said.loopback or os.geteuid() != 0


def some_of(known: Iterable[str]) -> Callable[[str], list[str]]:
    """Return what reads words with commas between, each one of those known."""
    names = list(known)

    def words(text: str) -> list[str]:
        found = text.split(",")
        if unknown := [each for each in found if each not in names]:
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: choose from {', '.join(names)}")
        return found

    return words
