"""Tell of each backup that was due in a week: the runs until the next one was, and why there was none at once.

The words are the programs' own: `history` of the Server, the log of `serve`, and the memory, STATUS and log of each
agent. Times are rounded down to five minutes, which is more than a run or a login takes on a busy machine.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

_PUT_OFF = re.compile(r"its owner had put the backup off since (\S+): (.*)")
_PUBLISHED = ("ok", "warning", "suspect")


@dataclass(frozen=True)
class Look:
    """What an agent said at one time: the phase of its tunnel, and why."""

    computer: str
    at: datetime
    phase: str
    why: str


@dataclass(frozen=True)
class Sleep:
    """A time that an agent says its machine has slept through."""

    computer: str
    begin: datetime
    end: datetime


@dataclass
class Table:
    """What has been said so far; `serve_said` is its log."""

    zone: ZoneInfo
    looks: list[Look] = field(default_factory=list)
    sleeps: list[Sleep] = field(default_factory=list)
    serve_said: list[tuple[datetime, str]] = field(default_factory=list)

    def text(self, job: str, computer: str, dues: Sequence[datetime], runs: Sequence[dict[str, Any]]) -> str:
        """Tell of `job` of this computer, due at each of `dues` but the last one, which is the end; in order."""
        lines = [f"{job} (from {computer})"]
        for due, end in pairwise(dues):
            here = [run for run in runs if due <= _at(run["started_at"]) < end]
            published = (_at(run["started_at"]) for run in here if run["status"] in _PUBLISHED)
            lines.append(f"  due {self._clock(due, '%a %m-%d %H:%M')}   {'; '.join(map(self._run, here)) or '-'}")
            lines += [f"      {each}" for each in self._why(job, computer, due, next(published, end), here)]
            lines += [f"      told the Server: {each}" for run in here for each in self._put_off(run)]
        return "\n".join(lines) + "\n"

    def _run(self, run: dict[str, Any]) -> str:
        tries = f" in {run['attempts']} tries" if run["attempts"] > 1 else ""
        return f"{run['status']}{tries} {self._clock(_at(run['started_at']))}"

    def _put_off(self, run: dict[str, Any]) -> Iterator[str]:
        for warning in run["warnings"]:
            if found := _PUT_OFF.fullmatch(warning):
                yield f"its owner had put it off since {self._clock(_at(found[1]))}: {found[2]}"

    def _why(
        self, job: str, computer: str, begin: datetime, end: datetime, runs: Sequence[dict[str, Any]]
    ) -> Iterator[str]:
        """Yield what was said between the two, each thing once, in order."""
        told = [
            (max(each.begin, begin), f"asleep until {self._clock(each.end)}")
            for each in self.sleeps
            if each.computer == computer and each.begin < end and each.end > begin
        ]
        told += [
            (each.at, f"tunnel {each.phase}: {each.why}")
            for each in self.looks
            if each.computer == computer and begin <= each.at < end
        ]
        told += [
            (at, f"serve: {job}: started, and no more")
            for at, line in self.serve_said
            if begin <= at < end and f" {job}: started" in line and not any(_is_of(run, at) for run in runs)
        ]
        last = ""
        for at, what in sorted(told):
            if what != last:
                yield f"{self._clock(at)} {what}"
            last = what

    def _clock(self, at: datetime, form: str = "%a %H:%M") -> str:
        """Return the clock time in the zone; in the hour that comes twice, with the zone's name then."""
        local = (at - timedelta(minutes=at.minute % 5)).astimezone(self.zone)
        comes_twice = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
        return format(local, f"{form} %Z" if comes_twice else form)


def _is_of(run: dict[str, Any], at: datetime) -> bool:
    """Whether this is the run of which serve said at this time that it has started it."""
    return abs(_at(run["started_at"]) - at) < timedelta(minutes=2)


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)
