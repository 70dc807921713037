"""The lines of a crontab, and their place in one that holds other lines too.  Source: crontab(5)."""

from __future__ import annotations

import shlex
import zlib
from typing import TYPE_CHECKING

from backupjump.errors import UsageError
from backupjump.escape import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backupjump.timing.slots import Slots, Timer

_BEGIN = b"# backupjump begin"
_END = b"# backupjump end"
_HOUR_MINUTES = 60


def fixed_minute(job: str) -> int:
    """Return a minute of the hour that is always the same for `job`, so that not all jobs start at once."""
    return zlib.crc32(job.encode()) % _HOUR_MINUTES


def look_minutes(timer: Timer) -> tuple[int, ...]:
    """Return the minutes of each hour at which `timer` looks."""
    apart = int(timer.look.total_seconds() // 60)
    return tuple(range(fixed_minute(timer.job) % apart, _HOUR_MINUTES, apart))


def cron_lines(timer: Timer, *, in_local_time: bool) -> list[str]:
    """Return the lines for `timer`; without `in_local_time`, which Debian's cron needs, the regular look alone."""
    command = _command(timer.argv)
    lines = [f"{','.join(map(str, look_minutes(timer)))} * * * * {command}"]
    if timer.slots is not None and in_local_time:
        lines.append(f"{_moment(timer.slots)} {command}")
    return lines


def block(lines: Sequence[str], *, owner: str) -> str:
    """Return `lines` between the marks by which they are found again; `owner` is the config's path."""
    return "\n".join([f"{_BEGIN.decode()} {owner}", *lines, f"{_END.decode()} {owner}"]) + "\n"


def with_block(crontab: bytes, text: str, *, owner: str) -> bytes:
    """Return `crontab` with `text` in the place of `owner`'s block, or at its end; every other line as it is.

    An empty `text` takes the block out. UsageError when the marks don't pair.
    """
    before, found, after = _split(crontab, owner)
    if not found and text and before and not before.endswith(b"\n"):
        before += b"\n"  # what cron asks of a last line
    return before + text.encode("utf-8", "surrogateescape") + after


def _split(crontab: bytes, owner: str) -> tuple[bytes, bool, bytes]:
    lines = crontab.splitlines(keepends=True)
    marks = [f"{mark.decode()} {owner}".encode("utf-8", "surrogateescape") for mark in (_BEGIN, _END)]
    places = [[number for number, line in enumerate(lines) if line.rstrip() == mark] for mark in marks]
    if places == [[], []]:
        return crontab, False, b""
    if [len(each) for each in places] != [1, 1] or places[0][0] > places[1][0]:
        raise UsageError(
            f"the lines `{_BEGIN.decode()}` and `{_END.decode()}` for {shown(owner)} in the crontab don't pair",
            hint="crontab -e: delete them and what they hold",
        )
    (first,), (last,) = places
    return b"".join(lines[:first]), True, b"".join(lines[last + 1 :])


def _moment(slots: Slots) -> str:
    # In crontabs Sunday is 0.
    weekdays = ",".join(str(number) for number in sorted((day + 1) % 7 for day in slots.weekdays)) or "*"
    return f"{slots.minute} {slots.hour} {'1' if slots.monthly else '*'} * {weekdays}"


def _command(argv: Sequence[str]) -> str:
    """Return `argv` for the shell that cron starts; a bare % would end the command. UsageError for a control one."""
    words = shlex.join(argv)
    if not words.isprintable():
        raise UsageError(f"{shown(words)} can't stand in a crontab", hint="let it have a path of printable characters")
    return words.replace("%", "\\%")
