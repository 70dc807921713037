"""The text of systemd's units: a service and a timer for each job.

Not one template for all jobs: what a job's run has to reach differs, each pair can be read by itself, and
`systemctl edit` changes one.  Source: systemd.service(5), systemd.timer(5), systemd.time(7).

Nothing here keeps the machine awake: `run` does, from when it has reached the Desktop. systemd-inhibit in
ExecStart= would hold the lock while it waits for a Desktop that is away, and start nothing where logind refuses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from backupjump.errors import UsageError
from backupjump.escape import shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from backupjump.timing.slots import Slots, Timer

PREFIX = "backupjump-"
# No job's name has a dot, so no job's unit is of this name.
PREPARE_SUFFIX = ".prepare"

_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_PLAIN = re.compile(r"[\w@+=:,./-]+", re.ASCII)
# These mean something to systemd in places where no quoting takes it away.
_UNSPEAKABLE = frozenset("\"'\\$")


@dataclass(frozen=True, kw_only=True)
class Unit:
    """What the units of one job are made of, besides its timer: `sandbox` are lines of its [Service].

    `marks` are the first lines of each file, by which what we wrote is known; `mounts` has to be mounted
    before a system service starts. `system` is False for the units of a user.
    """

    timer: Timer
    marks: tuple[str, ...]
    sandbox: tuple[str, ...]
    mounts: Path
    system: bool


def units(unit: Unit) -> Mapping[str, str]:
    """Return the text of each file by its name. UsageError for a path that no unit can hold."""
    name = PREFIX + unit.timer.job
    return {
        f"{name}.service": _service(unit),
        f"{name}.timer": _timer(unit),
        **({f"{name}{PREPARE_SUFFIX}.service": _prepare(unit)} if unit.timer.prepare_argv else {}),
    }


def on_calendar(slots: Slots) -> str:
    """Return `slots` as a calendar event.  Source: systemd.time(7)."""
    days = ",".join(_WEEKDAYS[day] for day in slots.weekdays)
    date = "*-*-01" if slots.monthly else "*-*-*"
    return f"{days} {date} {slots.clock}:00 {slots.zone}".lstrip()


def quoted(word: str) -> str:
    """Return `word` as one word of a unit's value. UsageError for one that no unit can hold."""
    if not word.isprintable() or _UNSPEAKABLE & set(word) or word != word.strip():
        hint = "let it have a path without quotes, backslashes, $ and control characters"
        raise UsageError(f"{shown(word)} can't stand in a systemd unit", hint=hint)
    doubled = word.replace("%", "%%")
    return doubled if _PLAIN.fullmatch(doubled) else f'"{doubled}"'


def _service(unit: Unit) -> str:
    timer = unit.timer
    before = ["Wants=network-online.target", "After=network-online.target"]
    before.append(f"RequiresMountsFor={quoted(str(unit.mounts))}")
    return _text(
        *unit.marks,
        "[Unit]",
        f"Description=Backup {timer.job} of Desktop {timer.desktop}",
        *(before if unit.system else []),
        *([f"OnSuccess={PREFIX}{timer.job}{PREPARE_SUFFIX}.service"] if timer.prepare_argv else []),
        "",
        "[Service]",
        "Type=oneshot",
        f"ExecStart={_command(timer.argv)}",
        "# A warning, another run at the job, the Desktop away, a stop by TERM: not a failure of this machine.",
        "SuccessExitStatus=3 11 75 143",
        "# The program alone is told to stop, and stops ssh and rsync in the order that keeps what has arrived.",
        "KillMode=mixed",
        "Nice=10",
        "IOSchedulingClass=best-effort",
        "IOSchedulingPriority=7",
        *unit.sandbox,
    )


def _prepare(unit: Unit) -> str:
    """Return the service that the other one starts when it has ended: what a service leaves behind is ended with it.

    Source: systemd.unit(5), OnSuccess= (249 and newer; an older one passes over it).
    """
    timer = unit.timer
    return _text(
        *unit.marks,
        "[Unit]",
        f"Description=Make the next run of backup {timer.job} ready",
        "",
        "[Service]",
        "Type=oneshot",
        f"ExecStart={_command(timer.prepare_argv)}",
        "SuccessExitStatus=11",
        "Nice=19",
        "IOSchedulingClass=idle",
        *unit.sandbox,
    )


def _timer(unit: Unit) -> str:
    timer = unit.timer
    minutes = int(timer.look.total_seconds() // 60)
    return _text(
        *unit.marks,
        "[Unit]",
        f"Description=When to look whether backup {timer.job} is due",
        "",
        "[Timer]",
        *([f"OnCalendar={on_calendar(timer.slots)}"] if timer.slots is not None else []),
        "OnCalendar=hourly" if minutes == 60 else f"OnCalendar=*:0/{minutes}",
        "# After a sleep or a reboot it looks at once.",
        "Persistent=true",
        "# Not all jobs at the same second; a fixed delay, shorter than the time between any two looks.",
        "RandomizedDelaySec=4m",
        "FixedRandomDelay=true",
        "",
        "[Install]",
        "WantedBy=timers.target",
    )


def _command(argv: Sequence[str]) -> str:
    return " ".join(quoted(word) for word in argv)


def _text(*lines: str) -> str:
    return "\n".join(lines) + "\n"
