"""What was measured, as tables: of text for a terminal, of Markdown for the page. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from bench.course import BASELINE, ROWS, WORKS
from bench.samples import Place, Sample, Spread, at, peers, places, ratio, spread, whole_cpu

Rows = list[list[str]]
NONE = "–"
_TOO_MUCH = 0.25


def title(place: Place) -> str:
    """Return a place in words, without its store and tree."""
    _, _, row, work = place
    return f"{WORKS[work]}, {ROWS[row]}" if ROWS[row] else WORKS[work]


def stands(samples: Sequence[Sample]) -> list[tuple[str, str]]:
    """Return each tree on each store, once."""
    return list(dict.fromkeys(place[:2] for place in places(samples)))


def times(samples: Sequence[Sample], tree: str, store: str) -> Rows:
    """Return the table of seconds: a row a work, a column a program, with the ratio to rsync by hand."""
    own = [each for each in samples if (each.tree, each.store) == (tree, store)]
    names = peers(own)
    rows = [["seconds, median (least-most, times), × rsync by hand", *names]]
    rows += ([title(place), *(_time(own, place, name) for name in names)] for place in places(own))
    return rows


def _time(samples: Sequence[Sample], place: Place, peer: str) -> str:
    found = spread(samples, place, peer)
    if found is None:
        return NONE
    share = ratio(samples, place, peer)
    beside = f" ×{share:.2f}" if share is not None and peer != BASELINE else ""
    return f"{seconds(found)}{beside}"


def seconds(found: Spread) -> str:
    """Return a median and what is around it."""
    if found.count == 1:
        return f"{found.median:.2f}"
    return f"{found.median:.2f} ({found.least:.2f}-{found.most:.2f}, {found.count})"


def costs(samples: Sequence[Sample], tree: str, store: str) -> Rows:
    """Return the table of what else it took: a row a work and a program. Medians, of memory the most."""
    own = [each for each in samples if (each.tree, each.store) == (tree, store)]
    head = ["work", "program", "command ends, s", "all of it ends, s", "CPU-s Server + JumpNode + Desktop", "× rsync"]
    rows = [[*head, "memory Server / Desktop, MB", "on the wire, MB", "store, MB"]]
    for place in places(own):
        measured = ((peer, at(own, place, peer)) for peer in peers(own))
        rows += ([title(place), peer, *_costs(own, found, place, peer)] for peer, found in measured if found)
    return rows


def _costs(samples: Sequence[Sample], found: Sequence[Sample], place: Place, peer: str) -> Iterator[str]:
    def median(figure: Callable[[Sample], float]) -> float:
        return Spread.of([figure(each) for each in found]).median

    yield f"{median(lambda each: each.command_seconds):.2f}"
    yield f"{median(lambda each: each.all_seconds):.2f}"
    roles = list(found[0].cpu_seconds)
    yield " + ".join(f"{median(lambda each, role=role: each.cpu_seconds[role]):.2f}" for role in roles) or NONE
    share = ratio(samples, place, peer, whole_cpu)
    yield NONE if share is None else f"{share:.2f}"
    memory = [max(each.memory_bytes.get(role, 0) for each in found) for role in ("Server", "Desktop")]
    yield " / ".join(f"{each / 1e6:.0f}" for each in memory) if any(memory) else NONE
    wire = median(lambda each: each.wire_bytes)
    yield megabytes(wire) if wire >= 0 else NONE
    yield megabytes(found[-1].store_bytes)


def noise(samples: Sequence[Sample], processors: int) -> str:
    """Return how much of the processors was spent neither by the three machines nor idle, as a sentence."""
    share = sum(each.elsewhere_seconds for each in samples) / sum(each.all_seconds for each in samples) / processors
    said = f"Meanwhile the kernel's own threads and other programs had {100 * share:.0f} % of the processors"
    return f"{said}: too much, nothing else should run beside it." if share > _TOO_MUCH else f"{said}."


def megabytes(count: float) -> str:
    """Return bytes as a number of MB, the small ones with a digit more."""
    return f"{count / 1e6:.0f}" if count >= 1e7 else f"{count / 1e6:.1f}"


def as_text(rows: Rows) -> str:
    """Return a table for a terminal."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def as_markdown(rows: Rows) -> str:
    """Return a table for a page."""
    head, *body = (f"| {' | '.join(row)} |" for row in rows)
    return "\n".join([head, "|---" * len(rows[0]) + "|", *body])
