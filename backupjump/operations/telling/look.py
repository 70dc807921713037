"""Look whether there is something to tell, and tell it: after each run, also one that was not due, and by `serve`.

One process of this machine at a time, so that nothing is told twice. A channel that can't be reached costs a few
seconds, is left alone for some minutes, and gets its message at a later look.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import socket
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from backupjump.config.models import Schedule
from backupjump.errors import ConfigError
from backupjump.notify.channels import labelled, send_all
from backupjump.notify.decide import Decided, decide
from backupjump.notify.memory import Memory, Unreached, read_memories, write_memories
from backupjump.notify.message import compose
from backupjump.operations.telling.standings import standings, watched_jobs
from backupjump.run import utc_now
from backupjump.timing.cadence import next_due

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from pathlib import Path
    from zoneinfo import ZoneInfo

    from backupjump.config.models import Server
    from backupjump.config.telling import Channel
    from backupjump.operations.site import Site

log = logging.getLogger(__name__)

# As long as another one's sending takes, and a little more.
_LOCK_SECONDS = 14.0
_BETWEEN_SECONDS = 0.05
# A channel that did not take a message is left alone for so long: a command with fifty jobs is not to wait fifty times.
_AGAIN = timedelta(minutes=10)
_UNHEARD = "the program ended while it was telling"


@dataclass(frozen=True, kw_only=True)
class _Look:
    """One look: the time, the zone to tell it in, what each channel remembers, and what it has to tell."""

    now: datetime
    zone: ZoneInfo
    channels: Mapping[str, Channel]
    memories: Mapping[str, Memory]
    decided: Mapping[str, Decided]


def memory_file(server: Server, state: Path) -> Path:
    """Return where it is kept what has been told of the store's jobs.

    It goes by the store's path: the uuid of one whose disk is not there is not known, and just that is told.
    """
    return state / f"told-{hashlib.sha256(os.fsencode(server.store.path)).hexdigest()[:12]}.json"


def unreached_channels(server: Server, state: Path) -> dict[str, Unreached]:
    """Return the channels of the config that did not take their last message, by their labels."""
    memories = read_memories(memory_file(server, state))
    found = {label: memories.get(label, Memory()).unreached for label in labelled(server.notify)}
    return {label: gone for label, gone in found.items() if gone is not None}


def look(site: Site, *, tried: bool, hold: bool = True) -> None:
    """Tell by each channel of the config what is news for it.

    `tried`: a run has just tried something. Without it nothing is told as long as what was told can't be kept: it
    would be told again at each look. `hold` as in `decide`.
    """
    if not site.server.notify:
        return
    path = memory_file(site.server, site.state)
    with _alone(path.with_suffix(".lock")) as alone:
        if not alone:
            log.debug("another process has been telling for long; what is new is told at the next look")
            return
        seen = _see(site, read_memories(path), hold=hold)
        after = {label: decided.after for label, decided in seen.decided.items()}
        ready = {label: decided for label, decided in seen.decided.items() if decided.events}
        begun = {label: replace(seen.memories[label], unreached=_unreached(seen, label, _UNHEARD)) for label in ready}
        kept = _keep(path, {**after, **begun})
        if not ready or not (kept or tried):
            return
        notes = _notes(seen)
        host = socket.gethostname()
        sent = send_all(
            {
                label: (
                    seen.channels[label],
                    compose(decided.events, host=host, notes=notes.get(label, ()), zone=seen.zone),
                )
                for label, decided in ready.items()
            }
        )
        _keep(path, {**after, **{label: _afterwards(seen, label, why) for label, why in sent.items()}})


def _see(site: Site, known: Mapping[str, Memory], *, hold: bool) -> _Look:
    now = utc_now()
    found, zone = standings(site, now=now)
    channels = labelled(site.server.notify)
    memories = {label: known.get(label, Memory()) for label in channels}
    decided = {}
    for label, channel in channels.items():
        memory = memories[label]
        resting = memory.unreached is not None and memory.unreached.at <= now < memory.unreached.at + _AGAIN
        if resting or not _may_speak(channel, memory, zone, now=now):
            decided[label] = Decided(events=(), after=memory)
            continue
        told = decide(channel, found, memory, jobs=watched_jobs(site), now=now, hold=hold and channel.digest is None)
        decided[label] = told if channel.digest is None else replace(told, after=replace(told.after, digest_at=now))
    return _Look(now=now, zone=zone, channels=channels, memories=memories, decided=decided)


def _may_speak(channel: Channel, memory: Memory, zone: ZoneInfo, *, now: datetime) -> bool:
    """Whether a channel with a digest is due; one that has never told anything is."""
    if channel.digest is None:
        return True
    due = next_due(Schedule(every="day", at=channel.digest), last_at=memory.digest_at, zone=zone, now=now)
    return due is not None and due <= now


def _notes(seen: _Look) -> dict[str, list[str]]:
    """Return for each channel a line for each one, itself too, that did not take what it was told last."""
    lines = {
        label: f"since {gone.since.astimezone(seen.zone):%Y-%m-%d %H:%M}: {gone.why}"
        for label, memory in seen.memories.items()
        if (gone := memory.unreached) is not None
    }
    return {
        label: [
            f"This channel took no message {line}."
            if name == label
            else f"Nobody was told by {name} {line}; try: backupjump notify test"
            for name, line in lines.items()
        ]
        for label in seen.channels
    }


def _afterwards(seen: _Look, label: str, why: str) -> Memory:
    """Return what a channel remembers of its try to tell; the first in vain is an error, for cron to mail."""
    if not why:
        log.info("told by %s", label)
        return replace(seen.decided[label].after, unreached=None)
    first = seen.memories[label].unreached is None
    log.log(
        logging.ERROR if first else logging.WARNING,
        "nobody was told by %s: %s; try: backupjump notify test",
        label,
        why,
    )
    return replace(seen.memories[label], unreached=_unreached(seen, label, why))


def _unreached(seen: _Look, label: str, why: str) -> Unreached:
    before = seen.memories[label].unreached
    return Unreached(since=before.since if before is not None else seen.now, at=seen.now, why=why)


def _keep(path: Path, memories: Mapping[str, Memory]) -> bool:
    try:
        write_memories(path, memories)
    except ConfigError as error:
        log.warning("what was told can't be kept: %s", error)
        return False
    return True


@contextmanager
def _alone(path: Path) -> Iterator[bool]:
    """Say within the block whether no other process looks; it waits for one that does, not for ever."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield _lock(fd, until=time.monotonic() + _LOCK_SECONDS)
    finally:
        os.close(fd)


def _lock(fd: int, *, until: float) -> bool:
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                return False
            time.sleep(_BETWEEN_SECONDS)
        else:
            return True
