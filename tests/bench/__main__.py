"""Compare backupjump with rsync by hand, rsnapshot, borg and restic, on this machine, through the same kind of tunnel.

As root it builds three machines in namespaces, each program on a new filesystem; else all on loopback, without
filesystems, slow lines and cold caches. docs/performance.md says what is measured, and how.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
from bench.course import OURS, PEERS, ROWS, STORES, TREES, WORKS, Asked, steps
from bench.hosts.host import BY_HAND, BY_HAND_PTY, Hosts
from bench.hosts.three import INSTALLED, three_hosts
from bench.machine import this_machine, versions
from bench.peers.borg import Borg
from bench.peers.ours import Ours
from bench.peers.peer import Peer
from bench.peers.restic import Restic
from bench.peers.rsnapshot import Rsnapshot
from bench.peers.rsync_by_hand import RsyncByHand
from bench.race import Race
from bench.samples import Report
from bench.table import as_text, costs, stands, times

EXAMPLES = """
examples:
  python -m tests.bench --quick                            all programs on a small tree, within three minutes
  python -m tests.bench                                    everything; hours
  python -m tests.bench --tree home --work nothing-changed --peer rsync,backupjump --times 5 --store btrfs
  python -m tests.bench --tree home --work first --peer rsync,rsync+pty,backupjump
  python -m tests.bench --row wan --tree home --work nothing-changed,changed

+pty after a name gives a program a tunnel that `ssh -tt` holds in place of `ssh -N`.
"""
QUICK_DIVISOR = 40
NEEDS = {"rsync": ("rsync",), "rsnapshot": ("rsnapshot",), "borg": ("borg", "socat"), "restic": ("restic", "socat")}
PACKAGES = {"borg": "borgbackup"}


def main() -> int:
    """Run what was asked for, and tell it."""
    said = _parser().parse_args()
    missing = [name for name, programs in NEEDS.items() if not all(map(shutil.which, programs))]
    for name in missing:
        packages = " ".join(PACKAGES.get(each, each) for each in NEEDS[name] if not shutil.which(each))
        _say(f"{name} is left out, it is not installed: sudo apt-get install -y {packages}")
    asked = _asked(said, missing)
    report = Report(this_machine(), versions(), {"command": " ".join(["python -m tests.bench", *sys.argv[1:]])})
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bench-", dir=said.dir) as place:
        _say("starting the machines, enrolling the Desktop")
        with _hosts(Path(place), asked) as hosts:
            race = Race(
                hosts, _peers(hosts, asked), divisor=asked.divisor,
                on_step=lambda text: _say(f"{time.monotonic() - begun:5.0f} s {text}"),
            )  # fmt: skip
            for sample in race.run(steps(asked)):
                report.samples.append(sample)
                _write(said.json, report)
    for tree, store in stands(report.samples):
        print(f"\n{tree} on {store}\n{as_text(times(report.samples, tree, store))}\n")
        print(as_text(costs(report.samples, tree, store)))
    _say(f"{time.monotonic() - begun:.0f} s; all figures: {said.json}")
    return 0


def _hosts(place: Path, asked: Asked) -> AbstractContextManager[Hosts]:
    names = {name for store in asked.stores for name in asked.peers_on(store)}
    ways = [BY_HAND, *([BY_HAND_PTY] if any(name.endswith("+pty") for name in names) else [])]
    return three_hosts(place, ways=ways, ours=OURS in names)


def _peers(hosts: Hosts, asked: Asked) -> Mapping[str, Peer]:
    kinds: dict[str, Callable[..., Peer]] = {
        "rsync": RsyncByHand,
        "rsnapshot": Rsnapshot,
        "borg": Borg,
        "restic": Restic,
    }
    made: dict[str, Peer] = {}
    for name in dict.fromkeys(name for store in asked.stores for name in asked.peers_on(store)):
        kind, _, pty = name.partition("+")
        way = BY_HAND_PTY if pty else BY_HAND
        made[name] = Ours(hosts, INSTALLED) if kind == OURS else kinds[kind](hosts, way=way)
    return made


def _asked(said: argparse.Namespace, missing: list[str]) -> Asked:
    quick = said.quick
    return Asked(
        trees=said.tree or (["home"] if quick else TREES),
        stores=said.store or STORES,
        rows=said.row,
        works=said.work or tuple(WORKS),
        peers=said.peer,
        missing=missing,
        times=said.times or (1 if quick else 3),
        divisor=QUICK_DIVISOR if quick else 1,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    several = "some of these, with commas between"
    with_pty = [f"{name}+pty" for name in PEERS if name != OURS]
    parser.add_argument("--quick", action="store_true", help=f"trees {QUICK_DIVISOR} times smaller, each work once")
    parser.add_argument("--tree", type=_some_of(TREES), default=[], help=f"{several}: {', '.join(TREES)}")
    parser.add_argument("--store", type=_some_of(STORES), default=[], help=f"{several}: {', '.join(STORES)}")
    parser.add_argument("--work", type=_some_of(WORKS), default=[], help=f"{several}: {', '.join(WORKS)}")
    parser.add_argument("--row", type=_some_of(ROWS), default=[], help=f"{several}: {', '.join(ROWS)}")
    parser.add_argument(
        "--peer", type=_some_of([*PEERS, *with_pty]), default=[], help=f"{several}: {', '.join(PEERS)}; rsync+pty, …"
    )
    parser.add_argument("--times", type=int, help="how often each work is measured (default: 3)")
    parser.add_argument(
        "--json", type=Path, default=Path("bench.json"), help="where all figures go (default: %(default)s)"
    )
    parser.add_argument(
        "--dir", type=Path, default=Path("/var/tmp"), help="a folder on a disk, for the images (default: %(default)s)"
    )
    return parser


def _some_of(known: Iterable[str]) -> Callable[[str], list[str]]:
    def words(text: str) -> list[str]:
        found = text.split(",")
        if unknown := set(found) - set(known):
            raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))}: choose from {', '.join(known)}")
        return found

    return words


def _write(file: Path, report: Report) -> None:
    whole = file.with_name(f"{file.name}.new")
    whole.write_text(report.to_json())
    whole.replace(file)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    os.environ.setdefault("LC_ALL", "C.UTF-8")
    sys.exit(main())
