"""What was measured, and what is told of it: medians, their spread, ratios to rsync by hand. Pure."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from bench.course import BASELINE


@dataclass(frozen=True)
class Sample:
    """One program's one time at one work; the figures of `Cost`, and what lay on its disk afterwards.

    `elsewhere_seconds` of processor were spent by none of the three machines meanwhile: the kernel's own threads, and
    whatever else ran beside the benchmark.
    """

    tree: str
    store: str
    row: str
    work: str
    peer: str
    round: int
    line: str
    seconds: float
    command_seconds: float
    all_seconds: float
    cpu_seconds: dict[str, float]
    memory_bytes: dict[str, int]
    wire_bytes: int
    store_bytes: int
    elsewhere_seconds: float


@dataclass
class Report:
    """A whole benchmark: where and how it ran, and each sample."""

    machine: dict[str, str]
    versions: dict[str, str]
    options: dict[str, Any]
    samples: list[Sample] = field(default_factory=list)

    def to_json(self) -> str:
        """Return it as JSON, with the figures of each group for who does not want to reckon."""
        return json.dumps({"schema": 1, **asdict(self), "figures": _figures_json(self.samples)}, indent=1)

    @classmethod
    def from_json(cls, text: str) -> Report:
        """Return what `to_json` wrote; ValueError for a text of another kind."""
        said = json.loads(text)
        if said.get("schema") != 1:
            raise ValueError("not a report of this benchmark")
        samples = [Sample(**each) for each in said["samples"]]
        return cls(said["machine"], said["versions"], said["options"], samples)


@dataclass(frozen=True)
class Spread:
    """The median of some figures, the least, the most, and how many there were."""

    median: float
    least: float
    most: float
    count: int

    @classmethod
    def of(cls, figures: Sequence[float]) -> Spread:
        """Return that of at least one figure."""
        return cls(statistics.median(figures), min(figures), max(figures), len(figures))


Place = tuple[str, str, str, str]
"""Tree, store, row, work: what programs are compared at."""


def places(samples: Iterable[Sample]) -> list[Place]:
    """Return each place once, in the order in which they came."""
    return list(dict.fromkeys((each.tree, each.store, each.row, each.work) for each in samples))


def peers(samples: Iterable[Sample]) -> list[str]:
    """Return each program once, the one that all are compared with first."""
    return sorted(dict.fromkeys(each.peer for each in samples), key=lambda peer: peer != BASELINE)


def at(samples: Iterable[Sample], place: Place, peer: str) -> list[Sample]:
    """Return a program's samples at a place."""
    return [each for each in samples if (each.tree, each.store, each.row, each.work, each.peer) == (*place, peer)]


def spread(
    samples: Iterable[Sample], place: Place, peer: str, figure: Callable[[Sample], float] = lambda each: each.seconds
) -> Spread | None:
    """Return what a program's figures at a place come to; None if it was not there."""
    found = at(samples, place, peer)
    return Spread.of([figure(each) for each in found]) if found else None


def ratio(
    samples: Sequence[Sample], place: Place, peer: str, figure: Callable[[Sample], float] = lambda each: each.seconds
) -> float | None:
    """Return a program's median beside that of rsync by hand at the same place; None if one of them is not there."""
    own, by_hand = (spread(samples, place, each, figure) for each in (peer, BASELINE))
    return own.median / by_hand.median if own and by_hand and by_hand.median else None


def whole_cpu(sample: Sample) -> float:
    """Return what all three machines together have spent on processors."""
    return sum(sample.cpu_seconds.values())


def _figures_json(samples: Sequence[Sample]) -> list[dict[str, Any]]:
    rows = []
    for place in places(samples):
        for peer in peers(samples):
            if (seconds := spread(samples, place, peer)) is not None:
                names = dict(zip(("tree", "store", "row", "work"), place, strict=True))
                ratios = {"ratio": ratio(samples, place, peer), "cpu_ratio": ratio(samples, place, peer, whole_cpu)}
                rows.append({**names, "peer": peer, "seconds": asdict(seconds), **ratios})
    return rows
