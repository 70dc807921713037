"""Show work while it runs: one calm block for each piece on a terminal, a line now and then where there is none."""

from __future__ import annotations

import logging
import sys
import time
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from backupjump.cli.eta import Eta, told_left
from backupjump.cli.render import number, size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from rich.console import Console, Group, RenderableType
    from rich.live import Live

    from backupjump.cli.options import Options
    from backupjump.operations.under_way import Sight
    from backupjump.rsync.progress import Progress

log = logging.getLogger(__name__)

_LINE_EVERY_SECONDS = 30.0
_NOTED_EVERY_SECONDS = 0.1
_BAR_WIDTH = 40


@dataclass(frozen=True, kw_only=True)
class Step:
    """How far a piece of work is: `told` in words, `share` from 0 to 1, None as long as nothing tells.

    `about` stands beside its name as long as it lasts, such as the Desktop and the route.
    """

    told: str
    share: float | None = None
    about: str = ""


class Watch(Protocol):
    """Takes the steps of several pieces of work and shows how they stand: a Board on a terminal, else Lines."""

    def step(self, name: str, step: Step) -> None:
        """Take note of how far the piece `name` is."""

    def end(self, name: str) -> AbstractContextManager[None]:
        """Take note that the piece `name` is over; within the block its result may be printed."""


@contextmanager
def watching(names: Sequence[str], options: Options, *, as_json: bool = False) -> Iterator[Watch]:
    """Give a Watch over the pieces `names`, which come one after the other, until the block ends.

    On a terminal it draws on stderr, and what is logged meanwhile stands above it; else each half minute a line is
    logged at INFO, for -v and the journal.
    """
    ours = logging.getLogger("backupjump")
    if not sys.stderr.isatty() or options.quiet or as_json or options.log != "text" or ours.level <= logging.INFO:
        yield Lines()
        return
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True, highlight=False)
    board = Board(names)
    # What is printed on stdout is no matter of this one: it may go to a file.
    board.live = Live(
        get_renderable=board.draw,
        console=console,
        transient=True,
        refresh_per_second=8,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    handlers, level = ours.handlers, ours.level
    ours.handlers = [_AboveTheBoard(board, console, level)]
    ours.setLevel(logging.INFO)  # a milestone is what a piece is at; it is shown in its block alone
    try:
        with board.live:
            yield board
    finally:
        ours.handlers = handlers
        ours.setLevel(level)


class Lines:
    """A line at INFO each half minute."""

    def __init__(self) -> None:
        self._last = time.monotonic()
        self._eta = Eta()

    def step(self, name: str, step: Step) -> None:
        """Log how far `name` is, if half a minute has passed."""
        now = time.monotonic()
        left = self._eta.see(step.share, at=now) if step.share is not None else None
        if now - self._last >= _LINE_EVERY_SECONDS:
            self._last = now
            log.info("%s: %s", name, ", ".join([step.told, *([told_left(left)] if left is not None else [])]))

    def end(self, _name: str) -> AbstractContextManager[None]:
        """Begin anew with the next piece."""
        self._eta = Eta()
        return nullcontext()


class Board:
    """The blocks of the pieces that are not over, one below the other: under way, still to come."""

    live: Live

    def __init__(self, names: Sequence[str]) -> None:
        self._blocks = {name: _Block(name) for name in names}

    def step(self, name: str, step: Step) -> None:
        """Show how far `name` is."""
        if name in self._blocks:
            self._blocks[name].note(step)

    @contextmanager
    def end(self, name: str) -> Iterator[None]:
        """Take the block of `name` away; the others are out of the way while something is printed."""
        self._blocks.pop(name, None)
        self.live.stop()
        try:
            yield
        finally:
            sys.stdout.flush()
            self.live.start()

    def milestone(self, message: str) -> None:
        """Show a milestone of the log, `NAME: what`, as what its piece is at; others go nowhere."""
        name, colon, what = message.partition(": ")
        if colon and name in self._blocks:
            self._blocks[name].note(Step(told=what))

    def draw(self) -> Group:
        """Return all blocks as they are now."""
        from rich.console import Group

        width = max(map(len, self._blocks), default=0)
        return Group(*(line for block in self._blocks.values() for line in block.draw(width)))


class _Block:
    def __init__(self, name: str) -> None:
        self._name = name
        self._step: Step | None = None
        self._about = ""
        self._began_at = 0.0
        self._eta = Eta()

    def note(self, step: Step) -> None:
        if self._step is None:
            self._began_at = time.monotonic()
        self._about = step.about or self._about
        self._step = step

    def draw(self, width: int) -> Iterator[RenderableType]:
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        step = self._step
        if step is None:
            yield _line(f"{self._name:{width}}  waiting", style="dim")
            return
        elapsed = time.monotonic() - self._began_at
        yield _line(f"{self._name:{width}}  {self._about or step.told}  {_clock(elapsed)}", style="bold")
        if step.share is None:
            yield _line(f"  {step.told}")
            return
        left = self._eta.see(step.share, at=time.monotonic())
        row = Table.grid(padding=(0, 2))
        row.add_row(
            " ",
            ProgressBar(total=1.0, completed=min(1.0, step.share), width=_BAR_WIDTH),
            f"{step.share:4.0%}",
            told_left(left) if left is not None else "",
        )
        yield row
        yield _line(f"  {step.told}")


class _AboveTheBoard(logging.Handler):
    """Puts what is logged above the blocks; milestones go into them."""

    def __init__(self, board: Board, console: Console, shown_level: int) -> None:
        super().__init__()
        self._board = board
        self._console = console
        self._shown_level = shown_level
        self.setFormatter(logging.Formatter("%(asctime)s %(message)s", datefmt="%H:%M:%S"))

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= self._shown_level:
            self._console.print(_line(self.format(record), crop=False))
        else:
            self._board.milestone(record.getMessage())


def _line(text: str, *, style: str = "", crop: bool = True) -> RenderableType:
    from rich.text import Text

    return Text(text, style=style, no_wrap=crop, overflow="ellipsis" if crop else "fold")


def _clock(seconds: float) -> str:
    minutes, second = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{second:02}"


def step_of_pull(sight: Sight) -> Step:
    """Return what is seen of a pull under way as a step.

    Of a first backup bytes tell how far it is; later on nearly all files are only looked at, so their number does.
    While rsync still lists folders, as many files as the last time are taken for the number to come.
    """
    progress = sight.progress
    about = [f"{sight.desktop} by {sight.route}"]
    if sight.sources > 1:
        about.append(f"source {sight.source} of {sight.sources}")
    if sight.attempt > 1:
        about.append(f"try {sight.attempt}")
    if sight.files_before is None:
        share = None if progress.listing or not progress.percent else min(0.99, (progress.percent + 0.5) / 100)
    else:
        total = max(progress.total, sight.files_before) if progress.listing else progress.total
        share = min(0.99, progress.checked / total) if total else None
    return Step(told=told(progress), share=share, about=", ".join(about))


def told(progress: Progress) -> str:
    """Return progress of rsync as one line: how much, how fast, how many files."""
    parts = [size(progress.bytes_done), f"{size(round(progress.rate_bytes))}/s"]
    if progress.total:
        more = "+" if progress.listing else ""
        parts.append(f"{number(progress.checked)} of {number(progress.total)}{more} files")
    return ", ".join(parts)


def step_of_copy(progress: Progress) -> Step:
    """Return how far a copy is of which all is transferred, such as a restore."""
    return Step(told=told(progress), share=progress.percent / 100 if progress.percent else None, about="restoring")


def step_of_reading(names: int, read_bytes: int) -> Step:
    """Return how far a verify is, which does not know what is to come."""
    return Step(told=f"{number(names)} names, {size(read_bytes)} read", about="verifying")


def step_of(watch: Watch, name: str, made_by: Callable[..., Step]) -> Callable[..., None]:
    """Return a callback that tells `watch` of the piece `name`, in steps `made_by` what it is called with.

    It may be called a million times: ten times a second it does something.
    """
    again_at = 0.0

    def note(*seen: object) -> None:
        nonlocal again_at
        if (now := time.monotonic()) >= again_at:
            again_at = now + _NOTED_EVERY_SECONDS
            watch.step(name, made_by(*seen))

    return note
