"""The first thing that the page says: whether all is well, since when, and what needs a person. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from backupjump.operations.job_state import State
from backupjump.operations.page.forecast import Outlook
from backupjump.operations.page.words import ago, count, span

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from backupjump.operations.job_state import JobState
    from backupjump.operations.page.forecast import Forecast


class Mood(StrEnum):
    """How the page looks at first sight."""

    GOOD = "good"
    WAITING = "waiting"
    BAD = "bad"


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A part of a sentence; a command is to be typed as it stands."""

    text: str
    is_command: bool = False


@dataclass(frozen=True, kw_only=True)
class Headline:
    """The verdict in one sentence, and more of it, a sentence each."""

    mood: Mood
    verdict: str
    lines: tuple[str, ...]


_COMMAND = re.compile(r"(backupjump [^;]+)")


def pieces(text: str) -> tuple[Piece, ...]:
    """Return a hint in its parts, as a sentence: a command of ours goes from its name to the next `;` or the end."""
    words, *more = _COMMAND.split(text)
    parts = (words[:1].upper() + words[1:], *more)
    return tuple(Piece(text=part, is_command=number % 2 == 1) for number, part in enumerate(parts) if part)


def headline(states: Sequence[JobState], disk: Forecast, *, now: datetime) -> Headline:
    """Return what stands at the top of the page."""
    if not states:
        return Headline(mood=Mood.WAITING, verdict="There is no job yet", lines=("Nothing is backed up.",))
    needing = sum(state.state.needs_person for state in states)
    waiting = sum(state.state in (State.AWAY, State.DEFERRED) for state in states)
    disk_lines = (disk.text,) if disk.outlook in (Outlook.SOON, Outlook.FULL) else ()
    lines = (*_ages(states, now=now), *disk_lines)
    total = count(len(states), "job")
    if needing:
        mood, verdict = Mood.BAD, f"{needing} of {total} need{'s' if needing == 1 else ''} you"
        if len(states) == 1:
            verdict = f"{states[0].job} needs you"
    elif disk.outlook is Outlook.FULL:
        mood, verdict = Mood.BAD, "The store is full"
    elif waiting:
        what = f"{states[0].job} waits for its Desktop"
        many = f"{waiting} of {total} wait{'s' if waiting == 1 else ''} for the Desktop"
        mood, verdict = Mood.WAITING, f"Nothing needs you; {what if len(states) == 1 else many}"
    else:
        mood, verdict = Mood.GOOD, f"{states[0].job} is good" if len(states) == 1 else f"All {total} are good"
    return Headline(mood=mood, verdict=verdict, lines=lines)


def _ages(states: Sequence[JobState], *, now: datetime) -> tuple[str, ...]:
    """Return how old the newest good backup is and how old the one that is oldest; what has none yet comes first."""
    without = [state.job for state in states if state.last_good_at is None]
    dated = sorted((state.last_good_at, state.job) for state in states if state.last_good_at is not None)
    lines = []
    if without:
        lines.append(f"No good backup yet: {', '.join(without[:5])}{' and more' if len(without) > 5 else ''}.")
    if dated:
        (oldest_at, oldest), (newest_at, newest) = dated[0], dated[-1]
        of_newest = f" ({newest})" if len(states) > 1 else ""
        lines.append(f"The newest backup was made {ago(newest_at, now)}{of_newest}.")
        if oldest != newest and newest_at - oldest_at >= timedelta(hours=1):
            lines.append(f"{oldest} has gone the longest without one: {span(now - oldest_at)}.")
    return tuple(lines)
