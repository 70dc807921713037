"""Compare sources with a snapshot's tree by content: rsync's own dry run with --checksum, nothing is written."""

from __future__ import annotations

import errno
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass

from backupjump.process import running
from backupjump.rsync.argv import preview_argv
from backupjump.rsync.messages import Messages
from backupjump.rsync.outcome import Ended, judge
from backupjump.rsync.output import MOST_NAMES, Item, Output
from backupjump.rsync.plan import Plan, Transfer
from backupjump.rsync.pump import pump
from backupjump.rsync.watch import Watch

# rsync(1), --itemize-changes: after the update and the type come c (content), s (size) and t (time).
_CONTENT, _SIZE, _TIME = 2, 3, 4


@dataclass(frozen=True, kw_only=True)
class Compared:
    """How the sources differ from a snapshot. `changed` counts files that a run would bring, new ones too.

    `silent` are the regular files of the same size and time and another content, full paths without the
    leading slash, at most 10,000 a source: no run would notice them.
    """

    files: int = 0
    changed: int = 0
    silent: tuple[bytes, ...] = ()


def compare(plan: Plan, *, pass_fds: Sequence[int] = ()) -> Compared:
    """Compare each source of `plan`, which has `compare_content`, with its target. Raises as transfer."""
    deadline = time.monotonic() + plan.time_limit.total_seconds()
    parts = [_compare(plan, one, deadline, pass_fds) for one in plan.transfers]
    return Compared(
        files=sum(part.files for part in parts),
        changed=sum(part.changed for part in parts),
        silent=tuple(path for part in parts for path in part.silent),
    )


def is_silent(item: Item) -> bool:
    """Whether the content alone differs: an edit would have changed the time as well."""
    flags = item.flags
    return item.transferred and flags[_CONTENT] == "c" and flags[_SIZE] == flags[_TIME] == "."


def _compare(plan: Plan, one: Transfer, deadline: float, pass_fds: Sequence[int]) -> Compared:
    marker = secrets.token_hex(8)
    output, messages = Output(marker, checksum=plan.checksum, root=one.root), Messages()
    silent: list[bytes] = []
    changed = 0

    def read_stdout(chunk: bytes) -> None:
        nonlocal changed
        for item in output.feed(chunk):
            if is_silent(item) and len(silent) < MOST_NAMES:
                silent.append(one.root + item.name)
            else:
                changed += item.transferred

    with running(preview_argv(plan, one, marker=marker), pass_fds=pass_fds) as child:
        watch = Watch(child.pid, plan, deadline=deadline)
        status = pump(child, stdout=read_stdout, stderr=messages.feed, on_tick=watch.look)
        gone = _gone(messages)
        if one.files_from is None or status != 23 or gone != messages.troubles_total:
            judge(Ended.of(plan.host, one.source, status, output, messages))
    return Compared(files=output.files_total, changed=changed + gone, silent=tuple(silent))


def _gone(messages: Messages) -> int:
    """Return how many of the listed paths are no longer on the Desktop."""
    return sum(each.errno == errno.ENOENT and each.what == "link_stat" and not each.here for each in messages.troubles)
