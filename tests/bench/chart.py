"""What was measured, as a picture: for each work a bar a program, in multiples of what rsync by hand took. Pure.

Trees stand below each other, the kinds of store side by side. Plain SVG that runs nothing and asks for nothing, and
follows the reader's light or dark.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from bench.course import BASELINE, OURS
from bench.samples import Place, Sample, at, peers, places, ratio, spread
from bench.table import stands, title

# Longer bars are cut off, and their figure is said.
MOST = 3.0
WIDTH, MARGIN, HEAD = 560, 12, 64
LABEL, UNIT, BAR, GAP, GROUP = 90, 108, 12, 2, 26
_STYLE = """\
text{font:12px system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif;fill:#24292f}
.w{font-weight:600}.h{font-size:15px;font-weight:600}.n{text-anchor:end;fill:#57606a}.v{fill:#57606a}
.o{font-weight:600;fill:#0b5cad}.p{fill:#fff}.l{fill:#d0d7de}
.rsync{fill:#57606a}.backupjump{fill:#1f77d0}.rsnapshot{fill:#b3a369}.borg{fill:#5f9e6e}.restic{fill:#b07aa1}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.n,.v{fill:#9da7b1}.o{fill:#6cb6ff}.p{fill:#0d1117}.l{fill:#30363d}
.rsync{fill:#8b949e}.backupjump{fill:#4493f8}}
"""


@dataclass(frozen=True)
class Panel:
    """One tree on one kind of store: its elements, drawn from 0, 0, and how high they are."""

    elements: str
    height: int


def chart(samples: Sequence[Sample]) -> str:
    """Return the picture of at least one sample."""
    found = stands(samples)
    trees, stores = (list(dict.fromkeys(stand[index] for stand in found)) for index in (0, 1))
    elements, top = [], HEAD
    for tree in trees:
        row = [panel(samples, tree, store) if (tree, store) in found else Panel("", 0) for store in stores]
        for column, each in enumerate(row):
            elements.append(f'<g transform="translate({MARGIN + column * WIDTH} {top})">{each.elements}</g>')
        top += max(each.height for each in row) + MARGIN
    width = len(stores) * WIDTH + MARGIN
    said = "Time beside rsync by hand: the shorter bar is faster"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {top}" width="{width}" role="img"'
        f' aria-labelledby="t"><title id="t">{said}</title><style>{_STYLE}</style>'
        f'<rect class="p" width="{width}" height="{top}"/>'
        f'<text class="h" x="{MARGIN}" y="26">{said}</text>'
        f'<text class="v" x="{MARGIN}" y="46">1 is rsync -aHAX --link-dest over ssh -N -R, on the same machine in the'
        f" same hour; medians, seconds behind each bar; cut off at {MOST:g}</text>"
        f"{''.join(elements)}</svg>\n"
    )


def panel(samples: Sequence[Sample], tree: str, store: str) -> Panel:
    """Return the picture of a tree on a kind of store."""
    own = [each for each in samples if (each.tree, each.store) == (tree, store)]
    elements, top = [], 40
    for place in places(own):
        bars = [peer for peer in peers(own) if at(own, place, peer)]
        elements.append(_text(0, top, title(place), "w"))
        height = len(bars) * (BAR + GAP)
        elements += (_line(LABEL + UNIT * each, top + 4, height + 2) for each in (0, 1, 2))
        for number, peer in enumerate(bars):
            elements += _bar(own, place, peer, top + 6 + number * (BAR + GAP))
        top += GROUP + height
    head = _text(0, 16, f"{tree} on {store}", "h")
    return Panel(head + "".join(elements), top)


def _line(x: float, y: float, height: float) -> str:
    return f'<rect class="l" x="{x}" y="{y}" width="1" height="{height}"/>'


def _bar(samples: Sequence[Sample], place: Place, peer: str, top: int) -> Iterator[str]:
    share = ratio(samples, place, peer)
    found = spread(samples, place, peer)
    assert found is not None
    baseline = top + BAR - 2
    yield _text(LABEL - 6, baseline, peer, "n o" if peer == OURS else "n")
    if share is None:  # rsync by hand was not asked for
        yield _text(LABEL + 4, baseline, f"{found.median:.2f} s", "v")
        return
    length = max(UNIT * min(share, MOST), 1)
    yield (f'<rect class="{peer.partition("+")[0]}" x="{LABEL}" y="{top}" width="{length:.1f}" height="{BAR}" rx="1"/>')
    cut = "… " if share > MOST else ""
    said = f"{cut}{found.median:.2f} s" + (f" × {share:.2f}" if peer != BASELINE else "")
    yield _text(LABEL + length + 5, baseline, said, "v o" if peer == OURS else "v")


def _text(x: float, y: float, text: str, kind: str) -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'
