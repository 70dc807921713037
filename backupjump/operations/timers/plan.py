"""Which jobs get a timer, what it starts, and what has to be said about the others."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from backupjump.config.models import StoreKind
from backupjump.config.times import write_duration
from backupjump.run import utc_now
from backupjump.store.zone import local_zone
from backupjump.timing.slots import Timer, look_of, same_clock, slots_of, wait_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backupjump.config.models import Job, Schedule
    from backupjump.errors import StoreError
from backupjump.operations.site import Site

# Where systemd looks for them; our own come with Python's tzdata, too.  Source: systemd, time-util.c, verify_timezone.
_ZONES = Path("/usr/share/zoneinfo")


@dataclass(frozen=True, kw_only=True)
class Planned:
    """The timers of a config, in the order of the jobs' names, and a line for each job that gets none."""

    timers: tuple[Timer, ...]
    notes: tuple[str, ...]


def plan_timers(site: Site, *, environ: Mapping[str, str]) -> Planned:
    """Return a timer for each job of `site` that is ever due. NoStore where a schedule needs the store's time zone."""
    timers, notes = [], []
    for job in sorted(site.server.jobs.values(), key=lambda job: job.name):
        if (why := _why_none(site, job)) is not None:
            notes.append(f"{job.name} {why}, so it gets no timer")
        elif job.schedule is not None:
            timers.append(_timer(site, job, job.schedule, environ))
    return Planned(timers=tuple(timers), notes=tuple(notes))


def in_local_time(timer: Timer, *, environ: Mapping[str, str]) -> bool:
    """Whether this machine's clock shows what the clock of `timer`'s own zone shows; so it is without clock times."""
    if timer.slots is None:
        return True
    return same_clock(ZoneInfo(timer.slots.zone), ZoneInfo(local_zone(environ)), now=utc_now())


def foreign_zones(planned: Planned, *, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return a warning for each timer whose clock times can't be said in this machine's time."""
    return tuple(
        f"{each.job} goes by the clocks of {each.slots.zone}, this machine by {local_zone(environ)}, and a calendar "
        "line knows this machine's alone: it gets none, and starts at the next hourly look"
        for each in planned.timers
        if each.slots is not None and not in_local_time(each, environ=environ)
    )


def unknown_zones(planned: Planned, *, zones: Path = _ZONES) -> tuple[str, ...]:
    """Return a warning for each timer whose time zone systemd can't know here: it would pass over that line."""
    return tuple(
        f"{each.job} goes by the clocks of {each.slots.zone}, which this machine has no rules for: systemd passes over "
        "that line, and starts it at the next hourly look; on Debian or Ubuntu: sudo apt-get install tzdata"
        for each in planned.timers
        if each.slots is not None and not (zones / each.slots.zone).exists()
    )


def program() -> tuple[str, ...]:
    """Return the words that start this program, from a full path: a timer has no PATH of ours."""
    script = Path(sys.executable).with_name("backupjump")
    return (str(script),) if os.access(script, os.X_OK) else (sys.executable, "-m", "backupjump")


def owner_of(site: Site) -> str:
    """Return the config's full path, by which what we wrote for one config is told from what we wrote for another."""
    return str(site.config_file.absolute())


def _why_none(site: Site, job: Job) -> str | None:
    if job.schedule is None:
        return "has no schedule"
    if site.desktop_of(job).revoked:
        return f"is a job of desktop {job.desktop}, which is revoked"
    return None


def _timer(site: Site, job: Job, schedule: Schedule, environ: Mapping[str, str]) -> Timer:
    look = look_of(schedule)
    zone = schedule.timezone or site.marker().timezone
    before = (*_environment(site, environ), *program(), "--config", owner_of(site))
    words = ("run", job.name, "--if-due", "--wait", write_duration(wait_of(look)))
    return Timer(
        job=job.name,
        desktop=job.desktop,
        slots=slots_of(schedule, zone=zone),
        look=look,
        argv=(*before, *words),
        prepare_argv=(*before, "prepare", job.name) if _makes_links(site, job) else (),
    )


def _makes_links(site: Site, job: Job) -> bool:
    """Whether a run of `job` has links to make that can be made ahead of it; no where the store can't be asked."""
    try:
        return job.prepare != "never" and site.marker().kind is StoreKind.HARDLINK
    except StoreError:
        return False


def _environment(site: Site, environ: Mapping[str, str]) -> tuple[str, ...]:
    """A timer doesn't see what a login shell sets: without this it would keep a state folder of its own."""
    named = environ.get("XDG_STATE_HOME", "")
    if site.server.state_dir is not None or not named.startswith("/") or os.geteuid() == 0:
        return ()
    return ("/usr/bin/env", f"XDG_STATE_HOME={named}")
