"""Puts what was measured into docs/performance.md, between two comments, and the picture beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.chart import chart
from bench.course import OURS, WORKS
from bench.samples import Report, Sample, peers, places, ratio, spread, whole_cpu
from bench.table import Rows, as_markdown, costs, noise, stands, times, title

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "performance.md"
PICTURE = DOCS / "pictures/performance.svg"
BEGIN = "<!-- results: python -m tests.bench --report -->"
END = "<!-- end of results -->"


def write_page(reports: Sequence[Report]) -> None:
    """Write the results and the picture; of a place that several reports have, the last one's figures count."""
    samples = merged(reports)
    PICTURE.write_text(chart(samples), encoding="utf-8")
    PAGE.write_text(with_results(PAGE.read_text(encoding="utf-8"), results(reports, samples)), encoding="utf-8")


def merged(reports: Sequence[Report]) -> list[Sample]:
    """Return the samples of all reports, work after work. Pure.

    Where several have one place, all of it is the last one's: ratios are only good within a run.
    """
    last = {place: number for number, report in enumerate(reports) for place in places(report.samples)}
    kept = (
        sample
        for number, report in enumerate(reports)
        for sample in report.samples
        if last[sample.tree, sample.store, sample.row, sample.work] == number
    )
    return sorted(kept, key=lambda sample: list(WORKS).index(sample.work))


def with_results(page: str, text: str) -> str:
    """Return the page with `text` between its two comments; ValueError for a page without them. Pure."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no {BEGIN} with {END} behind it")
    return f"{before}{BEGIN}\n\n{text.strip()}\n\n{END}{after}"


def results(reports: Sequence[Report], samples: Sequence[Sample]) -> str:
    """Return what was measured, as Markdown. Pure."""
    parts = ["![Time beside rsync by hand, a bar a program, for each work](pictures/performance.svg)"]
    for tree, store in stands(samples):
        parts += [f"### {tree} on {store}", as_markdown(times(samples, tree, store))]
        parts += [f"<details><summary>What else it took</summary>\n\n{as_markdown(costs(samples, tree, store))}"]
        parts += ["</details>"]
    parts += ["### What loses", *lost(samples)]
    parts += ["### On what", *_on_what(reports, samples), "### The commands"]
    parts += [f"<details><summary>As typed on the Server</summary>\n\n{as_markdown(commands(samples))}", "</details>"]
    return "\n\n".join(parts)


def lost(samples: Sequence[Sample]) -> Iterator[str]:
    """Yield what backupjump is slower at than another program, and what it takes more of than rsync by hand. Pure."""
    slower, more = [], []
    for place in places(samples):
        ours = spread(samples, place, OURS)
        if ours is None:
            continue
        said = f"{place[0]} on {place[1]}, {title(place)}"
        others = [(peer, spread(samples, place, peer)) for peer in peers(samples) if peer != OURS]
        faster = [f"{peer} {found.median:.2f} s" for peer, found in others if found and found.median < ours.median]
        if faster:
            slower.append(f"- {said}: {ours.median:.2f} s; {', '.join(faster)}")
        if (share := ratio(samples, place, OURS, whole_cpu)) is not None and share > 1:
            more.append(f"- {said}: × {share:.2f}")
    yield "Slower than another program:"
    yield "\n".join(slower) or "- nowhere"
    yield "More time of processors than rsync by hand, all three machines together:"
    yield "\n".join(more) or "- nowhere"


def _on_what(reports: Sequence[Report], samples: Sequence[Sample]) -> Iterator[str]:
    yield "\n".join(f"- `{report.options['command']}`" for report in reports)
    yield noise(samples, reports[-1].options["processors"])
    newest = reports[-1]
    facts: Rows = [["", ""], *([name, said] for name, said in {**newest.machine, **newest.versions}.items())]
    yield as_markdown(facts)


def commands(samples: Sequence[Sample]) -> Rows:
    """Return the exact words of each program for each work, as typed on the Server; those of its last time. Pure."""
    last = {(each.peer, each.work): each.line for each in samples}
    rows = [["program", "work", "line on the Server"]]
    for peer in peers(samples):
        done = [work for work in WORKS if (peer, work) in last]
        rows += ([peer, WORKS[work], "`" + last[peer, work].replace("|", "\\|") + "`"] for work in done)
    return rows
