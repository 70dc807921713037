"""What the gate, the agent and a person at the keyboard leave for each other in the state folder.

    last-done.json, last-published.json     the gate: how the last runs ended
    held.json, paused.json                  a person: `tunnel open --for`, `tunnel pause`
    agent.json                              the agent: what it does and why, and the window that it has served

Each file is there whole, the old or the new one; what is no such file reads as none. Where gate and agent run under
two accounts, `state_dir` is a folder that they share: root's, of a group that both are in, mode 3770. Python 3.9.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Optional

from backupjump.config.state import not_writable
from backupjump.gate.done import LAST_DONE, LAST_PUBLISHED, PUBLISHED
from backupjump.gate.state_file import read_state, replace_state
from backupjump.gate.veto import AGENT
from backupjump.gate.veto import read_time as _time
from backupjump.operations.agent.decide import LastDone, Served

_FORMAT = "%Y-%m-%dT%H:%M:%SZ"

When = Optional[datetime]  # noqa: UP045 (evaluated, and the floor is 3.9)


@dataclass(frozen=True)
class Told:
    """What the agent tells of itself. `phase`: open, opening, waiting (for the next try) or closed.

    `why` is for the decision, `trouble` for the last try that failed, empty if none did, with a `hint`; `needs_person`
    is whether no later try will mend it. `deferred_at` is since when the owner's word has put off what is wanted,
    `deferred_why` how; they stay until a backup has been made. `metered` is for the gate, which can't find out in time.
    `nodelay` is whether the JumpNode delays nothing on the tunnel, None where no tunnel stands or nobody knows.
    """

    at: datetime
    pid: int
    phase: str
    why: str
    until: When = None
    deferred_at: When = None
    deferred_why: str = ""
    jump_node: str = ""
    failures: int = 0
    trouble: str = ""
    hint: str = ""
    needs_person: bool = False
    served: Served | None = None
    metered: bool = False
    nodelay: bool | None = None


def read_done(state: Path) -> LastDone | None:
    """Return the last run that the gate was told of, None if there was none."""
    values = read_state(state / LAST_DONE)
    at = _time(values.get("at"))
    if at is None:
        return None
    return LastDone(at, values.get("status") in PUBLISHED, values.get("more") is True)


def read_published_at(state: Path) -> When:
    """Return when the gate was last told of a run that published, by this machine's clock."""
    return _time(read_state(state / LAST_PUBLISHED).get("at"))


def read_until(state: Path, name: str) -> When:
    """Return until when HELD or PAUSED holds, also if that is past; None if it does not."""
    return _time(read_state(state / name).get("until"))


def write_until(state: Path, name: str, until: When) -> None:
    """Let HELD or PAUSED hold until then; None ends it. ConfigError when that can't be written."""
    try:
        if until is None:
            with suppress(FileNotFoundError):
                (state / name).unlink()
        else:
            replace_state(state / name, {"until": _text(until)})
    except OSError as error:
        raise not_writable(state, error) from error


def read_told(state: Path) -> Told | None:
    """Return what the agent told last, also if it runs no more; None if it never ran."""
    values = read_state(state / AGENT)
    at, phase, why = _time(values.get("at")), values.get("phase"), values.get("why")
    if at is None or not isinstance(phase, str) or not isinstance(why, str):
        return None
    return Told(
        at=at,
        pid=_number(values.get("pid")),
        phase=phase,
        why=why,
        until=_time(values.get("until")),
        deferred_at=_time(values.get("deferred_at")),
        deferred_why=str(values.get("deferred_why") or ""),
        jump_node=str(values.get("jump_node") or ""),
        failures=_number(values.get("failures")),
        trouble=str(values.get("trouble") or ""),
        hint=str(values.get("hint") or ""),
        needs_person=values.get("needs_person") is True,
        served=_served(values.get("served")),
        metered=values.get("metered") is True,
        nodelay=nodelay if isinstance(nodelay := values.get("nodelay"), bool) else None,
    )


def write_told(state: Path, told: Told) -> None:
    """Keep what the agent tells; the keys are read by the gate, which tells the Server."""
    served = told.served
    values = {
        "at": _text(told.at),
        "pid": told.pid,
        "phase": told.phase,
        "why": told.why,
        "until": _text(told.until),
        "deferred_at": _text(told.deferred_at),
        "deferred_why": told.deferred_why,
        "jump_node": told.jump_node,
        "failures": told.failures,
        "trouble": told.trouble,
        "hint": told.hint,
        "needs_person": told.needs_person,
        "served": served and {"start": _text(served.start), "opened_at": _text(served.opened_at)},
        "metered": told.metered,
        "nodelay": told.nodelay,
    }
    replace_state(state / AGENT, values)


def _served(values: object) -> Served | None:
    found = values if isinstance(values, dict) else {}
    start, opened_at = _time(found.get("start")), _time(found.get("opened_at"))
    return Served(start, opened_at) if start is not None and opened_at is not None else None


def _text(at: When) -> str | None:
    return at.astimezone(timezone.utc).strftime(_FORMAT) if at is not None else None  # noqa: UP017


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
