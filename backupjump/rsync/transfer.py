"""Run the rsyncs of a plan, one a source, and say what came of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial

from backupjump.errors import BackupjumpError, DesktopUnfit
from backupjump.escape import shown_lines
from backupjump.process import Child, running
from backupjump.rsync.checksums import Checksums
from backupjump.rsync.compression import Evidence
from backupjump.rsync.content import Content
from backupjump.rsync.fence import fenced, turned
from backupjump.rsync.head_start import HeadStart
from backupjump.rsync.messages import Messages
from backupjump.rsync.outcome import Ended, has_moved, judge
from backupjump.rsync.output import Output
from backupjump.rsync.plan import Plan, Transfer
from backupjump.rsync.progress import Progress
from backupjump.rsync.pulled import Pulled, merged, read_pulled, with_withheld
from backupjump.rsync.pump import pump
from backupjump.rsync.watch import Watch

_SECONDS_BETWEEN_PROGRESS = 0.1
_SHELL_BYTES = 4096
_SHELL_SECONDS = 20.0


def transfer(
    plan: Plan,
    *,
    pass_fds: Sequence[int] = (),
    on_progress: Callable[[Progress], None] = lambda _progress: None,
    on_milestone: Callable[[str], None] = lambda _text: None,
    on_checksums: Callable[[Checksums], None] = lambda _checksums: None,
    guard: Callable[[], None] = lambda: None,
    evidence: Evidence | None = None,
    deadline: float | None = None,
    ahead: HeadStart | None = None,
) -> Pulled:
    """Pull every source of `plan` into its fresh folder, in order, and return what arrived.

    `on_checksums` is given, when a source begins, what will have the checksums of its files: there they are also
    when the transfer breaks off. So it is with the `evidence` for the next choice about compression.
    `deadline` is when all of it must be over, on the monotonic clock; by default the plan's time_limit from now.
    `ahead` may have the first rsync, started before its names were known.

    rsync inherits `pass_fds`, the run's lock among them: it can outlive us, and then still holds the lock.
    On any exception the whole group of processes has been ended and waited for. Raises SourceMissing,
    TransferFailed, StoreFull, DesktopUnfit, LinkLost, WindowOver, what `guard` raises (it is called ten times a
    second) and, when nothing had moved yet, what ssh said; each of them carries in `bytes_received` what had come
    in until then, over all sources.
    """
    if deadline is None:
        deadline = time.monotonic() + plan.time_limit.total_seconds()
    parts: list[Pulled] = []
    contents: list[Content] = []
    evidence = evidence or Evidence()
    watching = partial(Watch, plan=plan, deadline=deadline, guard=guard, link=evidence.link)
    with ahead or HeadStart() as starts:
        for at, one in enumerate(plan.transfers):
            before, after = plan.transfers[:at], plan.transfers[at + 1 :]
            if not before or before[-1].source != one.source:
                on_milestone(f"pulling {plan.host}:{one.source}")
            starting = partial(starts.running, plan, after=after[0] if after else None, pass_fds=pass_fds)
            with _counting(parts, contents):
                parts.append(_pull(plan, one, starting, watching, contents, evidence, on_progress, on_checksums))
    return merged(parts)


def _pull(
    plan: Plan,
    one: Transfer,
    starting: Callable[[Transfer], AbstractContextManager[tuple[Child, str]]],
    watching: Callable[[int], Watch],
    contents: list[Content],
    evidence: Evidence,
    on_progress: Callable[[Progress], None],
    on_checksums: Callable[[Checksums], None],
) -> Pulled:
    messages = Messages()
    tell = _throttled(on_progress)

    def read_stdout(chunk: bytes) -> None:
        for item in output.feed(chunk):
            content.note(item)
            if item.transferred:
                evidence.sent.note(item.name, item.size)
        content.note()
        tell(output.progress)

    one = fenced(plan, one)
    with starting(one) as (child, marker):
        output = Output(marker, checksum=plan.checksum, root=one.root)
        on_checksums(output.hashes)
        watch = watching(child.pid)
        contents.append(content := Content(watch, output))
        try:
            status = pump(child, stdout=read_stdout, stderr=messages.feed, on_tick=watch.look)
            on_progress(output.progress)
            ended = Ended.of(plan.host, one.source, status, output, messages, files_beside=one.files_beside)
            warning = _judged(ended, plan)
        except BackupjumpError as error:
            if has_moved(output, messages):
                error.bytes_received = max(watch.received_bytes, messages.bytes_received, output.bytes_received or 0)
            raise
    return with_withheld(read_pulled(plan, one, output, messages, warning=warning), one, turned(one))


def _judged(ended: Ended, plan: Plan) -> bool:
    try:
        return judge(ended)
    except DesktopUnfit as error:
        if ended.status == 2 and (text := _what_the_shell_says(plan)):
            raise DesktopUnfit(f"{error}:\n{text}", hint=error.hint) from error
        raise


def _what_the_shell_says(plan: Plan) -> str:
    """Return what the login shell over there prints before any command; rsync itself does not tell.

    At most 4 KiB and 20 s of it: a shell that can't stop is the Desktop's trouble, not this Server's.
    """
    said = bytearray()
    ends_at = time.monotonic() + _SHELL_SECONDS

    def look(_read_bytes: int) -> None:
        if len(said) > _SHELL_BYTES or time.monotonic() > ends_at:
            raise _HeardEnough

    with running((*plan.remote_shell, plan.host, "true")) as child, suppress(_HeardEnough):
        pump(child, stdout=said.extend, stderr=lambda _chunk: None, on_tick=look)
    return shown_lines(bytes(said[:_SHELL_BYTES]), lines=3)


class _HeardEnough(Exception):
    """What a shell prints has told enough of it."""


@contextmanager
def _counting(before: Sequence[Pulled], contents: Sequence[Content]) -> Iterator[None]:
    try:
        yield
    except BackupjumpError as error:
        error.bytes_received += sum(part.bytes_received for part in before)
        error.content_bytes = sum(each.received_bytes for each in contents)
        raise


def _throttled(on_progress: Callable[[Progress], None]) -> Callable[[Progress], None]:
    last_at, last = 0.0, Progress()

    def tell(progress: Progress) -> None:
        nonlocal last_at, last
        now = time.monotonic()
        if progress != last and now - last_at >= _SECONDS_BETWEEN_PROGRESS:
            last_at, last = now, progress
            on_progress(progress)

    return tell
