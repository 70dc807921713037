"""Show how far a search is that is mostly over at once: nothing before two seconds, then as all other work."""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from backupjump.cli.progress import Step, step_of, watching
from backupjump.cli.render import number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from backupjump.cli.options import Options

_SILENT_SECONDS = 2.0


@contextmanager
def when_slow(
    name: str, options: Options, made_by: Callable[..., Step], *, as_json: bool = False
) -> Iterator[Callable[..., None]]:
    """Give a callback as `step_of` does, which shows nothing of what is over within two seconds."""
    begun_at, is_over = time.monotonic(), False
    note: Callable[..., None] | None = None
    with ExitStack() as stack:

        def see(*seen: object) -> None:
            nonlocal note
            if is_over or (note is None and time.monotonic() - begun_at < _SILENT_SECONDS):
                return
            if note is None:
                note = step_of(stack.enter_context(watching([name], options, as_json=as_json)), name, made_by)
            note(*seen)

        try:
            yield see
        finally:
            is_over = True


def step_of_looking(done: int, total: int) -> Step:
    """Return how many of a job's snapshots were looked at."""
    return Step(told=f"{number(done)} of {number(total)} snapshots", share=done / total, about="looking")


def step_of_weighing(done: int, total: int) -> Step:
    """Return how many snapshots are known to give how much back."""
    return Step(told=f"{number(done)} of {number(total)} snapshots", share=done / total, about="weighing")


def step_of_comparing(names: int) -> Step:
    """Return how far a manifest has been read; each is read two or three times."""
    return Step(told=f"{number(names)} names", about="comparing")
