"""Say what a pull would bring, by rsync's own dry run with the very argv of the pull."""

from __future__ import annotations

import heapq
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from backupjump.process import running
from backupjump.rsync.argv import preview_argv
from backupjump.rsync.fence import fenced
from backupjump.rsync.messages import Messages
from backupjump.rsync.outcome import Ended, judge
from backupjump.rsync.output import Item, Output
from backupjump.rsync.plan import Plan, Transfer
from backupjump.rsync.pump import pump
from backupjump.rsync.watch import Watch

_LARGEST = 10


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What there is and what would be sent. `files` counts entries of all kinds, `folders` among them.

    The others count regular files. `largest` are the largest ones to transfer, largest first: full path
    without leading slash, size.
    """

    files: int = 0
    folders: int = 0
    bytes_total: int = 0
    files_to_transfer: int = 0
    bytes_to_transfer: int = 0
    largest: tuple[tuple[bytes, int], ...] = ()


def preview(
    plan: Plan,
    *,
    pass_fds: Sequence[int] = (),
    on_item: Callable[[Transfer, Item], None] = lambda _transfer, _item: None,
) -> Preview:
    """Ask rsync what `plan` would do; nothing is written, and the targets need not exist. Raises as transfer.

    `on_item` is told of each name that is new or would change, below its transfer's source.
    """
    deadline = time.monotonic() + plan.time_limit.total_seconds()
    parts = [_preview(plan, one, deadline, pass_fds, on_item) for one in plan.transfers]
    every = (entry for part in parts for entry in part.largest)
    return Preview(
        files=sum(part.files for part in parts),
        folders=sum(part.folders for part in parts),
        bytes_total=sum(part.bytes_total for part in parts),
        files_to_transfer=sum(part.files_to_transfer for part in parts),
        bytes_to_transfer=sum(part.bytes_to_transfer for part in parts),
        largest=tuple(heapq.nlargest(_LARGEST, every, key=lambda entry: entry[1])),
    )


def _preview(
    plan: Plan,
    one: Transfer,
    deadline: float,
    pass_fds: Sequence[int],
    on_item: Callable[[Transfer, Item], None],
) -> Preview:
    marker = secrets.token_hex(8)
    output, messages = Output(marker, checksum=plan.checksum, root=one.root), Messages()
    largest: list[tuple[int, bytes]] = []

    def read_stdout(chunk: bytes) -> None:
        for item in output.feed(chunk):
            on_item(one, item)
            if item.transferred:
                keep = heapq.heappush if len(largest) < _LARGEST else heapq.heappushpop
                keep(largest, (item.size, item.name))

    one = fenced(plan, one)
    with running(preview_argv(plan, one, marker=marker), pass_fds=pass_fds) as child:
        watch = Watch(child.pid, plan, deadline=deadline)
        status = pump(child, stdout=read_stdout, stderr=messages.feed, on_tick=watch.look)
        judge(Ended.of(plan.host, one.source, status, output, messages))
    return Preview(
        files=output.files_total,
        folders=output.folders_total,
        bytes_total=output.bytes_total,
        files_to_transfer=output.files_transferred,
        bytes_to_transfer=output.bytes_transferred,
        largest=tuple((one.root + name, size) for size, name in largest),
    )
