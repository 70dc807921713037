"""Tell by a program of this Server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from backupjump import process
from backupjump.errors import BackupjumpError
from backupjump.escape import shown_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backupjump.notify.message import Message

_SECONDS = 10.0


def send(argv: Sequence[str], message: Message) -> None:
    """Run `argv` with the message as JSON on its standard input; raise unless it ends with 0 within 10 seconds."""
    told = {
        "BACKUPJUMP_EVENT": message.json["event"],
        "BACKUPJUMP_JOBS": " ".join(message.jobs),
        "BACKUPJUMP_SUBJECT": message.subject,
    }
    given = json.dumps({**message.json, "body": message.body}).encode()
    ended = process.run(argv, timeout=_SECONDS, stdin=given, environment=told)
    if ended.status != 0:
        said = shown_lines(ended.stderr or ended.stdout, lines=1)
        raise BackupjumpError(f"it ended with {ended.status}{f': {said}' if said else ''}")
