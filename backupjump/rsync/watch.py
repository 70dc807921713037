"""End a transfer that takes too long, that has come to a stand, or that its caller wants no more of.

rsync's own --timeout does not do it: a pulling rsync sends keep-alives, and takes its own for progress.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from backupjump.config.times import write_duration
from backupjump.errors import TransferFailed, WindowOver
from backupjump.rsync.link_speed import LinkSpeed
from backupjump.rsync.plan import Plan
from backupjump.rsync.traffic import Traffic, sample

_SECONDS_BETWEEN_SAMPLES = 0.1
_HINT = "what has arrived is kept; run the job again"


class Watch:
    """The limits of one rsync: the deadline of the whole transfer, the time without any byte, and memory.

    `guard` is called ten times a second and may raise an error of its own. A Desktop can make its list of files as
    long as it likes, and rsync keeps all of it: half of this machine's memory is for one job. `link` is told what
    comes in.
    """

    def __init__(
        self,
        pid: int,
        plan: Plan,
        *,
        deadline: float,
        guard: Callable[[], None] = lambda: None,
        memory_limit_bytes: int | None = None,
        link: LinkSpeed | None = None,
    ) -> None:
        self._pid = pid
        self._plan = plan
        self._deadline = deadline
        self._grown_at = time.monotonic()
        self._sampled_at = 0.0
        self._guard = guard
        self._memory_limit_bytes = memory_limit_bytes or _half_of_the_memory()
        self._link = link or LinkSpeed()
        self._printed_bytes = 0
        self._traffic = Traffic()

    @property
    def received_bytes(self) -> int:
        """What had come in on the data connection when it was last looked at, at most 0.1 s before the end."""
        return self._traffic.received_bytes

    def look(self, printed_bytes: int) -> None:
        """Look at the processes, if it is time to; raise WindowOver when a limit is passed.

        `printed_bytes` are rsync's own, those of its stdout: what comes on stderr may be the Desktop's chatter,
        past rsync, and would make a transfer that stands look alive.
        """
        now = time.monotonic()
        if now - self._sampled_at < _SECONDS_BETWEEN_SAMPLES:
            return
        self._sampled_at = now
        traffic = sample(self._pid)
        if traffic.read_bytes > self._traffic.read_bytes or printed_bytes > self._printed_bytes:
            self._grown_at = now
        self._printed_bytes = printed_bytes
        self._traffic = Traffic(
            read_bytes=max(traffic.read_bytes, self._traffic.read_bytes),
            received_bytes=max(traffic.received_bytes, self._traffic.received_bytes),
        )
        self._link.note(self._traffic.received_bytes, now=now)
        self._check(now)
        self._check_memory(traffic.memory_bytes)
        self._guard()

    def _check(self, now: float) -> None:
        if now > self._deadline:
            limit = write_duration(self._plan.time_limit)
            raise WindowOver(f"{self._plan.host}: the transfer took longer than time_limit, {limit}", hint=_HINT)
        if now - self._grown_at > self._plan.idle_limit.total_seconds():
            limit = write_duration(self._plan.idle_limit)
            raise WindowOver(f"{self._plan.host}: the transfer was idle: no byte for {limit} (idle_limit)", hint=_HINT)

    def _check_memory(self, memory_bytes: int) -> None:
        if memory_bytes > self._memory_limit_bytes:
            raise TransferFailed(
                f"{self._plan.host}: rsync took {memory_bytes >> 20} MiB of this machine's memory, over half of it",
                hint="are there that many files? take fewer sources into one job, or exclude what can be made anew",
            )


def _half_of_the_memory() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
