"""Whether the tunnel should be open now, and why: pure. Python 3.9, the standard library alone.

    held        somebody asked by `tunnel open`: open until then, whatever else
    always      open
    when-due    open once the last published run is older than `every`; closes as soon as one is published
    windows     open from the start of a window, or from the next wake after it, for its length; closes as above

What is wanted is put off while it is paused, on too little battery or on a metered line.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Optional

from backupjump.config.desktop import Tunnel, Unless
from backupjump.gate.power import Power
from backupjump.gate.veto import PAUSED_WORD, veto
from backupjump.timing.windows import Occurrence, latest, upcoming

# A clock that is so far behind the last run was wrong, then or now.
_CLOCK_ERROR = timedelta(minutes=5)
# So long after a run the Server may take to begin the next one that it said is due.
_MORE = timedelta(minutes=30)

When = Optional[datetime]  # noqa: UP045 (evaluated, and the floor is 3.9)


@dataclass(frozen=True)
class LastDone:
    """The last run that the Server told of: when, whether it published, and whether another one is due."""

    at: datetime
    published: bool
    more: bool


@dataclass(frozen=True)
class Served:
    """The window that the tunnel was opened for last: when it began, and when the tunnel was first wanted for it."""

    start: datetime
    opened_at: datetime


@dataclass(frozen=True)
class Situation:
    """All that a decision is made from; times are aware. `percent` is of the battery, None without one."""

    now: datetime
    zone: tzinfo
    last_published_at: When = None
    last_done: LastDone | None = None
    served: Served | None = None
    held_until: When = None
    paused_until: When = None
    online: bool = True
    on_battery: bool = False
    percent: int | None = None
    metered: bool = False


@dataclass(frozen=True)
class Decision:
    """Whether the tunnel should be open, why, and until when nothing changes by itself (None: not known).

    `deferred`: it is wanted, and the owner's word keeps it closed. `serves` is the window that it is open for.
    """

    open: bool
    why: str
    deferred: bool = False
    until: When = None
    serves: Served | None = None


def decide(tunnel: Tunnel, situation: Situation) -> Decision:
    """Return what is to be done with `tunnel` in this `situation`."""
    now = situation.now
    if situation.held_until is not None and now < situation.held_until:
        return Decision(open=True, why="opened by hand", until=situation.held_until)
    wanted = _wanted(tunnel, situation)
    if not wanted.open:
        return wanted
    if why := _veto(tunnel.unless, situation):
        until = situation.paused_until if why == PAUSED_WORD else None
        return Decision(open=False, why=why, deferred=True, until=until)
    if not situation.online:
        return Decision(open=False, why="offline: there is no route to the JumpNode's side")
    return wanted


def _wanted(tunnel: Tunnel, situation: Situation) -> Decision:
    if tunnel.opens == "always":
        return Decision(open=True, why="always open")
    done = situation.last_done
    if done is not None and done.published and done.more and situation.now < done.at + _MORE:
        return Decision(open=True, why="another job is due", until=done.at + _MORE)
    return _by_window(tunnel, situation) if tunnel.opens == "windows" else _when_due(tunnel, situation)


def _when_due(tunnel: Tunnel, situation: Situation) -> Decision:
    last = situation.last_published_at
    if last is None:
        return Decision(open=True, why="no backup yet")
    if last > situation.now + _CLOCK_ERROR:
        return Decision(open=True, why="the last backup lies in the future: a clock was wrong")
    due = last + tunnel.every
    if situation.now >= due:
        return Decision(open=True, why="a backup is due")
    return Decision(open=False, why="not due", until=due)


def _by_window(tunnel: Tunnel, situation: Situation) -> Decision:
    now = situation.now
    occurrence = latest(tunnel.windows, zone=situation.zone, now=now)
    coming = upcoming(tunnel.windows, zone=situation.zone, now=now)
    if occurrence is None:
        return Decision(open=False, why="no window yet", until=coming)
    served = situation.served
    if served is None or served.start != occurrence.start or served.opened_at > now + _CLOCK_ERROR:
        served = Served(occurrence.start, now)
    end = served.opened_at + occurrence.length
    if _is_over(occurrence, served, situation):
        return Decision(open=False, why="the window is over", until=coming)
    return Decision(open=True, why="a window", until=end, serves=served)


def _is_over(occurrence: Occurrence, served: Served, situation: Situation) -> bool:
    """Whether the window has had its length, or a run has published in it."""
    done = situation.last_done
    published = done is not None and done.published and done.at >= served.opened_at
    return published or situation.now >= served.opened_at + occurrence.length


def _veto(unless: Unless, situation: Situation) -> str:
    return veto(
        unless,
        now=situation.now,
        paused_until=situation.paused_until,
        power=Power(situation.on_battery, situation.percent),
        metered=situation.metered,
    )
