"""The agent of a Desktop: looks about every second or two, decides, and keeps the tunnel as decided. Python 3.9."""

from __future__ import annotations

import logging
import os
import time
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

from backupjump.config.desktop import Tunnel
from backupjump.gate.done import LAST_DONE, LAST_PUBLISHED
from backupjump.gate.veto import HELD, PAUSED
from backupjump.operations import sd
from backupjump.operations.agent import memory, notice
from backupjump.operations.agent.config_watch import ConfigWatch
from backupjump.operations.agent.decide import Decision, Served, Situation, When, decide
from backupjump.operations.agent.keeper import Keeper
from backupjump.operations.agent.memory import Told
from backupjump.operations.agent.surroundings import (
    Surroundings,
    is_metered,
    is_this_machine,
    look,
    slept_seconds,
)
from backupjump.operations.tunnel import forwards_of
from backupjump.timing.moments import zone_here
from backupjump.timing.ticking import Edges

log = logging.getLogger(__name__)

_TICK_SECONDS = 1.0
# Where nothing is under way: to be woken up is most of what an idle agent costs.
_QUIET_TICK_SECONDS = 2.0
_LOOK_SECONDS = 5.0
_TELL_EVERY = timedelta(minutes=1)
_METERED_SECONDS = 300.0
_SLEPT_SECONDS = 5.0
_WATCHED = (LAST_DONE, LAST_PUBLISHED, HELD, PAUSED)


class Agent:
    """What the agent remembers from look to look; `with` ends its ssh."""

    def __init__(self, tunnel: Tunnel, *, config: Path, state: Path, folder: Path) -> None:
        self._state = state
        self._config = ConfigWatch(config)
        self._keeper = Keeper(forwards_of(tunnel), folder)
        self._go_by(tunnel)
        before = memory.read_told(state)
        self._served: Served | None = before.served if before is not None else None
        self._deferred_at: When = before.deferred_at if before is not None else None
        self._deferred_why = before.deferred_why if before is not None else ""
        self._decision = Decision(open=False, why="starting")
        self._told: Told | None = None
        self._seen: tuple[int, ...] = ()
        self._looked_at = -_LOOK_SECONDS
        self._ways: tuple[str, ...] = ()
        self._seen_ways: tuple[str, ...] | None = None
        self._metered = False
        self._asked_at = -_METERED_SECONDS
        self._slept = slept_seconds()
        self._watch = notice.Watch(_now())

    def _go_by(self, tunnel: Tunnel) -> None:
        self._tunnel = tunnel
        self._edges = Edges(tunnel.windows)
        self._needs_route = not all(is_this_machine(jump.host) for jump in tunnel.jump_nodes)

    def run(self) -> None:
        """Go on until a signal ends it; the caller holds the tunnel's lock."""
        with self:
            sd.notify("READY=1")
            try:
                while True:
                    self.step(time.monotonic(), slept=slept_seconds())
                    time.sleep(_TICK_SECONDS if self._keeper.is_trying else _QUIET_TICK_SECONDS)
            finally:
                sd.notify("STOPPING=1")
                self._tell(
                    replace(
                        self._to_tell(), pid=0, phase="closed", why="the agent is not running", trouble="", nodelay=None
                    )
                )

    def __enter__(self) -> Agent:
        return self

    def __exit__(self, *_exc_info: object) -> None:
        self._keeper.close()

    def step(self, at: float, *, slept: float) -> None:
        """Look if it is time to, and let the tunnel take its next step.

        `at` is of the monotonic clock; `slept` is how far the boot clock is ahead of it, in seconds.
        """
        self._notice_sleep(slept)
        self._notice_config()
        if self._something_new() or at - self._looked_at >= _LOOK_SECONDS:
            self._looked_at = at
            self._look(at)
        self._keeper.keep(wanted=self._decision.open)
        self._tell(self._to_tell())

    def _look(self, at: float) -> None:
        now, seen = _now(), look()
        self._notice_ways(seen)
        if self._tunnel.unless.metered and at - self._asked_at >= _METERED_SECONDS:
            self._asked_at, self._metered = at, is_metered(seen.ways)
        published_at = memory.read_published_at(self._state)
        decision = decide(self._tunnel, self._situation(now, seen, published_at))
        self._remember(decision, published_at, now)
        self._notice_age(published_at, at, now)
        sd.notify("WATCHDOG=1", f"STATUS={decision.why}")

    def _situation(self, now: datetime, seen: Surroundings, published_at: When) -> Situation:
        return Situation(
            now=now,
            zone=zone_here(),
            last_published_at=published_at,
            last_done=memory.read_done(self._state),
            served=self._served,
            held_until=memory.read_until(self._state, HELD),
            paused_until=memory.read_until(self._state, PAUSED),
            # What stands is not given up while a network is gone for a moment; a dead one ends by itself.
            online=seen.online or not self._needs_route or self._keeper.phase == "open",
            on_battery=seen.power.on_battery,
            percent=seen.power.percent,
            metered=self._metered,
        )

    def _remember(self, decision: Decision, published_at: When, now: datetime) -> None:
        if (decision.open, decision.why) != (self._decision.open, self._decision.why):
            log.info("the tunnel should be %s: %s", "open" if decision.open else "closed", decision.why)
        self._decision = decision
        self._served = decision.serves or self._served
        if decision.deferred:
            self._deferred_at, self._deferred_why = self._deferred_at or now, decision.why
        elif self._deferred_at is not None and published_at is not None and published_at > self._deferred_at:
            self._deferred_at, self._deferred_why = None, ""

    def _notice_sleep(self, slept: float) -> None:
        if slept - self._slept > _SLEPT_SECONDS:
            log.info("this machine slept for %d s: the tunnel is dialled anew", slept - self._slept)
            self._keeper.jolt(redial=True)
            self._looked_at = -_LOOK_SECONDS
        self._slept = slept

    def _notice_config(self) -> None:
        """Obey a config that was changed, once no ssh runs by the one before."""
        if self._keeper.phase in ("closed", "waiting") and (tunnel := self._config.changed()) is not None:
            log.info("the config is another one now, and counts")
            self._go_by(tunnel)
            self._keeper.go_by(forwards_of(tunnel))
            self._looked_at = -_LOOK_SECONDS

    def _notice_ways(self, seen: Surroundings) -> None:
        """Try at once when a network has come, anew when it is another one than that of the tunnel."""
        before, self._seen_ways = self._seen_ways, seen.ways
        if not seen.ways or seen.ways == before or not self._needs_route:
            return
        if before is not None:
            # While there is none, the one before counts: if that comes back, what stood may still stand.
            self._keeper.jolt(redial=bool(self._ways) and seen.ways[0] != self._ways[0])
        self._ways = seen.ways
        self._asked_at = -_METERED_SECONDS

    def _notice_age(self, published_at: When, at: float, now: datetime) -> None:
        wanted, max_age = self._decision.open, self._tunnel.max_age
        if self._watch.is_due(published_at, max_age=max_age, wanted=wanted, at=at, now=now):
            notice.tell(notice.text(published_at, now=now))

    def _something_new(self) -> bool:
        """Whether a file that we decide by is another one, a window has begun, or the tunnel has changed its phase."""
        seen = tuple(_mtime_ns(self._state / name) for name in _WATCHED)
        new = seen != self._seen
        self._seen = seen
        changed = self._told is not None and self._told.phase != self._keeper.phase
        return self._edges.passed() or new or changed

    def _to_tell(self) -> Told:
        forward = self._keeper.forward
        return Told(
            at=_now(),
            pid=os.getpid(),
            phase=self._keeper.phase,
            why=self._decision.why,
            until=self._decision.until,
            deferred_at=self._deferred_at,
            deferred_why=self._deferred_why,
            jump_node=forward.jump_node if forward is not None else "",
            failures=self._keeper.failures,
            trouble=self._keeper.trouble,
            hint=self._keeper.hint,
            needs_person=self._keeper.needs_person,
            served=self._served,
            metered=self._metered,
            nodelay=self._keeper.nodelay,
        )

    def _tell(self, told: Told) -> None:
        before = self._told
        if before is None or told != replace(before, at=told.at) or told.at - before.at >= _TELL_EVERY:
            self._told = told
            with suppress(OSError):  # a full disk must not close the tunnel
                memory.write_told(self._state, told)


def _now() -> datetime:
    return datetime.now(timezone.utc).replace(microsecond=0)  # noqa: UP017 (datetime.UTC needs 3.11)


def _mtime_ns(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
