"""Which due jobs to start now: pure, the time now is an argument."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A job with a schedule: its Desktop, and from when on it is to run."""

    job: str
    desktop: str
    due_at: datetime


@dataclass(frozen=True, kw_only=True)
class Running:
    """A job whose run is under way; its Desktop was found over that JumpNode (None: without one)."""

    job: str
    desktop: str
    jump_node: str | None


def due_desktops(waiting: Iterable[Waiting], running: Collection[Running], *, now: datetime) -> frozenset[str]:
    """Return the Desktops that something waits for and nothing runs on: they are to be looked for."""
    busy = {each.desktop for each in running}
    return frozenset(each.desktop for each in waiting if each.due_at <= now and each.desktop not in busy)


def to_start(
    waiting: Iterable[Waiting],
    running: Sequence[Running],
    *,
    reached: Mapping[str, str | None],
    max_parallel: int,
    now: datetime,
) -> tuple[Waiting, ...]:
    """Return the jobs to start, the longest due first: one a Desktop, at most `max_parallel` in all and a JumpNode.

    Only a Desktop that has been `reached` just now is worth a run, and counts for the JumpNode where it was found: its
    tunnel stands there, so its run will go that way, whatever the order of its ways.
    """
    busy = {each.desktop for each in running}
    by_jump_node = Counter(each.jump_node for each in running)
    chosen: list[Waiting] = []
    for each in sorted(waiting, key=lambda one: (one.due_at, one.job)):
        if each.due_at > now or each.desktop not in reached or each.desktop in busy:
            continue
        if len(running) + len(chosen) >= max_parallel or by_jump_node[reached[each.desktop]] >= max_parallel:
            continue
        chosen.append(each)
        busy.add(each.desktop)
        by_jump_node[reached[each.desktop]] += 1
    return tuple(chosen)
