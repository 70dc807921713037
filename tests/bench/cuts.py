"""The table of all cuts: how soon the tunnel is usable again after its line came back, and a due job started.

    sudo .venv/bin/python tests/bench/cuts.py [--seconds 20 90 600] [--times 5] [--worlds 2]

Each kind of cut has worlds of its own (agent.py), all at once; cuts of five minutes and more are spread over `--worlds`
of them, since they are spent waiting: with the defaults it takes 35 minutes and six times three machines.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
from bench.agent import Cut, cuts, world

KINDS = ("silent", "down")
LONG_SECONDS = 300
# To enrol three machines is work, all the rest is waiting.
BETWEEN_SECONDS = 25.0
USABLE_LIMIT, STARTED_LIMIT = 30.0, 15.0


def main() -> None:
    """Cut in all worlds at once, each cut told as it comes, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, nargs="+", default=[20, 90, 600])
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--worlds", type=int, default=2)
    said = parser.parse_args()
    plans = list(spread(said.seconds, said.times, said.worlds))
    found: list[Cut] = []
    with ProcessPoolExecutor(len(plans), mp_context=multiprocessing.get_context("spawn")) as pool:
        for done in as_completed(
            [
                pool.submit(cut_in_a_world, *plan, begin_after=BETWEEN_SECONDS * number)
                for number, plan in enumerate(plans)
            ]
        ):
            found += done.result()
    print(table(found))


def spread(lengths: Sequence[float], times: int, worlds: int) -> Iterator[tuple[str, list[float]]]:
    """Yield for each world the kind of its cuts and their lengths. Pure."""
    short = [each for each in lengths if each < LONG_SECONDS for _ in range(times)]
    long = [each for each in lengths if each >= LONG_SECONDS for _ in range(times)]
    for kind in KINDS:
        shares = [*(long[number::worlds] for number in range(worlds)), short]
        yield from ((kind, share) for share in shares if share)


def cut_in_a_world(kind: str, lengths: list[float], *, begin_after: float) -> list[Cut]:
    """Return what came of the cuts of one world, told at once as well."""
    time.sleep(begin_after)
    found = []
    with world() as (three, watch):
        for each in cuts(three, watch, kind, lengths):
            print(each, flush=True)
            found.append(each)
    return found


def table(found: Iterable[Cut]) -> str:
    """Return the cuts as a table of Markdown: medians, the longest, and how much of its limit each median takes."""
    groups: dict[tuple[str, float], list[Cut]] = defaultdict(list)
    for each in found:
        groups[each.kind, each.seconds].append(each)
    lines = [
        f"| cut | times | usable again, median (longest), s | of {USABLE_LIMIT:.0f} s "
        f"| due job after that, median (longest), s | of {STARTED_LIMIT:.0f} s | most listeners |",
        "|---|---|---|---|---|---|---|",
    ]
    for (kind, seconds), group in sorted(groups.items(), key=lambda item: (KINDS.index(item[0][0]), item[0][1])):
        usable, started = ([cut.usable for cut in group], [cut.started for cut in group])
        lines.append(
            f"| {kind} {seconds:.0f} s | {len(group)} | {_figures(usable, USABLE_LIMIT)} "
            f"| {_figures(started, STARTED_LIMIT)} | {max(cut.most_listeners for cut in group)} |"
        )
    return "\n".join(lines)


def _figures(seconds: Sequence[float], limit: float) -> str:
    middle = statistics.median(seconds)
    return f"{middle:.1f} ({max(seconds):.1f}) | {middle / limit:.2f}"


if __name__ == "__main__":
    main()
