"""Remember with which key the Server has come: once that is the new one, the line of the old one may go."""

from __future__ import annotations

import json
import os
from pathlib import Path

LAST_ENROLMENT = "last-enrolment.json"


def note_enrolment(enrolment: str, *, state: Path) -> None:
    """Write to `last-enrolment.json` in `state` which enrolment's key said `done`, whole; nothing if it says so."""
    path = state / LAST_ENROLMENT
    if seen_enrolment(state) == enrolment:
        return
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_text(json.dumps({"schema": 1, "enrolment": enrolment}) + "\n")
    fresh.chmod(0o600)
    fresh.replace(path)


def seen_enrolment(state: Path) -> str | None:
    """Return the enrolment whose key said `done` last, of those whose line tells; None for none."""
    try:
        found = json.loads((state / LAST_ENROLMENT).read_bytes()[:4096])
        enrolment = found["enrolment"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return enrolment if isinstance(enrolment, str) else None
