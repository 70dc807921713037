"""Show a transfer while it runs: a live bar on a terminal, a line now and then where there is none."""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from backupjump.cli.render import number, size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from backupjump.rsync.progress import Progress

log = logging.getLogger(__name__)

_LINE_EVERY_SECONDS = 30.0


@contextmanager
def live_progress(job: str) -> Iterator[Callable[[Progress], None]]:
    """Give a callback that draws bytes, rate, time left and files on stderr while the block runs."""
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[told]}"), TimeElapsedColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True, refresh_per_second=8) as bar:
        task = bar.add_task(job, total=None, told="reaching the desktop")

        def show(progress: Progress) -> None:
            known = not progress.listing and progress.total
            bar.update(task, told=told(progress), total=100 if known else None, completed=progress.percent)

        yield show


@contextmanager
def logged_progress(job: str) -> Iterator[Callable[[Progress], None]]:
    """Give a callback that logs a line at INFO each half minute, for -v and the journal."""
    last = time.monotonic()

    def log_line(progress: Progress) -> None:
        nonlocal last
        if time.monotonic() - last >= _LINE_EVERY_SECONDS:
            last = time.monotonic()
            log.info("%s: %s", job, told(progress))

    yield log_line


def told(progress: Progress) -> str:
    """Return progress as one line: how much, how fast, how long still, how many files."""
    parts = [size(progress.bytes_done), f"{size(round(progress.rate_bytes))}/s"]
    if progress.eta is not None and not progress.listing:
        parts.append(f"{progress.eta} left")
    if progress.total:
        seen = f"{number(progress.checked)} of {number(progress.total)}{'+' if progress.listing else ''} files"
        parts.append(seen)
    return ", ".join(parts)
