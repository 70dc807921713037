"""What a person reads: a subject that says if all is safe, since when, what is wrong, what to type; a short body.

Names and messages may come from a Desktop, by way of a Run: each is one bounded line here, whatever it holds.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from backupjump.config.telling import Happening
from backupjump.escape import shown
from backupjump.run import rfc3339

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from backupjump.notify.happenings import Event

MOST_LINES = 20
_SUBJECT = 200
_WIDTH = 300
_NAMES = 5
_HOST = 40
# What is wrong is cut for the sake of what to type, but not to nothing.
_FEWEST = 20
_COMMAND = re.compile(r"backupjump [a-z][^;,()]*")
_WORDS = {
    Happening.FAILED: "failed",
    Happening.STALE: "stale",
    Happening.SUSPECT: "suspect",
    Happening.RECOVERED: "recovered",
}
_WORST_FIRST = (Happening.SUSPECT, Happening.FAILED, Happening.STALE, Happening.RECOVERED)


@dataclass(frozen=True, kw_only=True)
class Message:
    """What goes out by a channel: one line, at most 20 lines, and the same for a program.

    `kind` is the worst of what happened, None for a trial.
    """

    subject: str
    body: str
    kind: Happening | None
    jobs: tuple[str, ...]
    json: dict[str, Any]


def compose(events: Sequence[Event], *, host: str, notes: Sequence[str], zone: ZoneInfo) -> Message:
    """Return the message for `events`, at least one; `notes` stand at its end, times are those of `zone`."""
    ordered = sorted(events, key=lambda event: (_WORST_FIRST.index(event.kind), event.standing.job))
    host = one_line(host, limit=_HOST)
    prefix = f"[backupjump {host}] "
    room = _SUBJECT - len(prefix)
    headline = _of_one(ordered[0], zone, room=room) if len(ordered) == 1 else _of_many(ordered, room=room)
    subject = one_line(f"{prefix}{headline}", limit=_SUBJECT)
    tail = ["", *(one_line(note) for note in notes[:3]), f"Server: {host}"]
    lines = _paragraphs(ordered, room=MOST_LINES - len(tail), zone=zone)
    return Message(
        subject=subject,
        body="\n".join([*lines, *tail]) + "\n",
        kind=ordered[0].kind,
        jobs=tuple(event.standing.job for event in ordered),
        json={
            "schema": 1,
            "event": ordered[0].kind.value,
            "subject": subject,
            "host": host,
            "jobs": [_json(event) for event in ordered],
        },
    )


def trial(*, host: str) -> Message:
    """Return the message that only shows that a channel works."""
    host = one_line(host, limit=_HOST)
    subject = f"[backupjump {host}] a trial: this channel works"
    body = f"This is what `backupjump notify test` sends. Nothing has happened.\n\nServer: {host}\n"
    values = {"schema": 1, "event": "test", "subject": subject, "host": host, "jobs": []}
    return Message(subject=subject, body=body, kind=None, jobs=(), json=values)


def one_line(text: str, *, limit: int = _WIDTH) -> str:
    """Return `text` as one line of at most `limit` characters, none of which acts on a screen or in a mail's head.

    Unlike `shown` it leaves a backslash as it is: what was escaped when the Run was made is not escaped again.
    """
    flat = " ".join(text[: 4 * limit].split())
    safe = "\\".join(shown(part) for part in flat.split("\\"))
    return safe if len(safe) <= limit else f"{safe[: limit - 1]}…"


def _of_one(event: Event, zone: ZoneInfo, *, room: int) -> str:
    standing = event.standing
    if event.kind is Happening.RECOVERED:
        good = f", last backup {_at(standing.last_good_at, zone)}" if standing.last_good_at else ""
        return f"{standing.job}: safe again{good}; it was not since {_at(event.since, zone)}"
    still = "still " if event.repeat else ""
    word = f"{standing.job}: {still}{_WORDS[event.kind].upper()} since {_at(event.since, zone)}"
    if event.kind is Happening.SUSPECT:
        return _fitted(word, standing.what, _command(event), room=room)
    safe = f"last good backup {_at(standing.last_good_at, zone)}" if standing.last_good_at else "no good backup known"
    return _fitted(f"{word}, {safe}", standing.what, _command(event), room=room)


def _fitted(head: str, what: str, command: str, *, room: int) -> str:
    """Return a headline in which `what` takes the place that the others leave."""
    tail = f"; type: {command}"
    return f"{head}: {one_line(what, limit=max(_FEWEST, room - len(head) - len(tail) - 2))}{tail}"


def _of_many(events: Sequence[Event], *, room: int) -> str:
    counts = Counter(event.kind for event in events)
    told = ", ".join(f"{counts[kind]} {_WORDS[kind]}" for kind in _WORST_FIRST if counts[kind])
    names = [event.standing.job for event in events]
    more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
    head = f"jobs: {told} ({', '.join(names[:_NAMES])}{more})"
    wrong = {event.standing.what for event in events if event.kind is not Happening.RECOVERED}
    what = wrong.pop() if len(wrong) == 1 else "see below"
    return _fitted(head, what, "backupjump status", room=room)


def _paragraphs(events: Sequence[Event], *, room: int, zone: ZoneInfo) -> list[str]:
    """Return the lines of all events, in the longest form that has room; the last one counts those that have none."""
    told = [_paragraph(event, zone) for event in events]
    if sum(map(len, told)) <= room:
        return [line for paragraph in told for line in paragraph]
    short = [paragraph[0] for paragraph in told]
    if len(short) <= room:
        return short
    return [*short[: room - 1], f"and {len(short) - room + 1} more: backupjump status"]


def _paragraph(event: Event, zone: ZoneInfo) -> list[str]:
    standing = event.standing
    head = f"{standing.job} (desktop {standing.desktop})"
    good = _at(standing.last_good_at, zone) if standing.last_good_at else "none known"
    if event.kind is Happening.RECOVERED:
        return [one_line(f"{head}: all is well again"), f"  last good backup: {good}"]
    still = "still " if event.repeat else ""
    lines = [
        one_line(f"{head}: {still}{_WORDS[event.kind]} since {_at(event.since, zone)}"),
        f"  last good backup: {good}",
        f"  what is wrong: {one_line(standing.what)}",
    ]
    if standing.help:
        lines.append(f"  what helps: {one_line(standing.help)}")
    return [*lines, f"  type: {_command(event)}"]


def _command(event: Event) -> str:
    """Return the one command to type: the one that the help names, else the one that shows more."""
    if event.kind is Happening.SUSPECT:
        return f"backupjump ack {event.standing.job}"
    found = _COMMAND.search(one_line(event.standing.help))
    return found[0].strip() if found else f"backupjump history {event.standing.job}"


def _json(event: Event) -> dict[str, Any]:
    standing = event.standing
    return {
        "job": standing.job,
        "desktop": standing.desktop,
        "event": event.kind.value,
        "repeat": event.repeat,
        "since": rfc3339(event.since),
        "last_good_at": standing.last_good_at and rfc3339(standing.last_good_at),
        "reason": standing.reason,
        "message": one_line(standing.what, limit=1000),
        "help": one_line(standing.help, limit=1000),
    }


def _at(at: datetime | None, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M}" if at is not None else "never"
