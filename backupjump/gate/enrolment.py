"""Remember with which key the Server has come: once that is the new one, the line of the old one may go."""

from __future__ import annotations

from pathlib import Path

from backupjump.gate.state_file import read_state, replace_state

LAST_ENROLMENT = "last-enrolment.json"


def note_enrolment(enrolment: str, *, state: Path) -> None:
    """Write to `last-enrolment.json` in `state` which enrolment's key said `done`, whole; nothing if it says so."""
    if seen_enrolment(state) != enrolment:
        replace_state(state / LAST_ENROLMENT, {"enrolment": enrolment})


def seen_enrolment(state: Path) -> str | None:
    """Return the enrolment whose key said `done` last, of those whose line tells; None for none."""
    enrolment = read_state(state / LAST_ENROLMENT).get("enrolment")
    return enrolment if isinstance(enrolment, str) else None
