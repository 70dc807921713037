"""A number over time as a small picture: the path of an SVG, its labels, and the same in words. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING

from backupjump.operations.page.words import count, day

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from zoneinfo import ZoneInfo

# In units of the viewBox; the labels stand around it.
WIDTH, HEIGHT = 300, 72
# What a picture of this size can show, and what keeps a page of many jobs small.
_MOST_POINTS = 100


@dataclass(frozen=True, kw_only=True)
class Chart:
    """`line` is the path of the curve or of the bars, `area` what lies below a curve; empty where there is none.

    `top` is the upper edge, `newest` the last value, `first` and `last` the two ends of the time.
    """

    title: str
    summary: str
    line: str
    area: str
    top: str
    newest: str
    first: str
    last: str


def chart(
    title: str,
    points: Sequence[tuple[datetime, float]],
    *,
    bars: bool,
    unit: Callable[[float], str],
    zone: ZoneInfo,
) -> Chart | None:
    """Draw `points`, oldest first, from zero up to the largest; None without any.

    Of many that stand close together the largest is drawn: a peak is what someone looks for.
    """
    if not points:
        return None
    values = [value for _at, value in points]
    top = max(values)
    drawn = thinned(points, most=_MOST_POINTS)
    xs, ys = _xs([at for at, _value in drawn]), [_y(value, top) for _at, value in drawn]
    first, last = (points[end][0].astimezone(zone).date() for end in (0, -1))
    return Chart(
        title=title,
        summary=f"{count(len(points), 'run')}, {day(first)} to {day(last)}: smallest {unit(min(values))}, "
        f"largest {unit(top)}, last {unit(values[-1])}",
        line=_bars(xs, ys) if bars else _curve(xs, ys),
        area="" if bars or len(xs) == 1 else f"M{xs[0]:g} {HEIGHT}L{_curve(xs, ys)[1:]}L{xs[-1]:g} {HEIGHT}Z",
        top=unit(top),
        newest=unit(values[-1]),
        first=day(first),
        last=day(last) if last != first else "",
    )


def thinned(points: Sequence[tuple[datetime, float]], *, most: int) -> Sequence[tuple[datetime, float]]:
    """Return at most `most` of the points, in order: of each equal part of them the largest; the last one stays."""
    if len(points) <= most:
        return points
    edges = [round(part * (len(points) - 1) / (most - 1)) for part in range(most)]
    parts = (points[start:end] for start, end in pairwise(edges))
    return [max(part, key=lambda point: point[1]) for part in parts] + [points[-1]]


def _xs(times: Sequence[datetime]) -> list[float]:
    """Return where the times lie from left to right; a single one stands in the middle, half a bar from each edge."""
    length = (times[-1] - times[0]).total_seconds()
    if length <= 0:
        return [WIDTH / 2] * len(times)
    return [round(2 + (WIDTH - 4) * (at - times[0]).total_seconds() / length, 1) for at in times]


def _y(value: float, top: float) -> float:
    return round(HEIGHT - (HEIGHT - 4) * value / top, 1) if top > 0 else HEIGHT


def _curve(xs: Sequence[float], ys: Sequence[float]) -> str:
    if len(xs) == 1:
        # A round cap makes a dot of it.
        return f"M{xs[0]:g} {ys[0]:g}h.01"
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in zip(xs, ys, strict=True))


def _bars(xs: Sequence[float], ys: Sequence[float]) -> str:
    return "".join(f"M{x:g} {HEIGHT}V{min(y, HEIGHT - 1):g}" for x, y in zip(xs, ys, strict=True))
