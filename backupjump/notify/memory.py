"""What each channel has told: one small file, derived. Lost, what is still wrong is told once more.

{"channels": {LABEL: {"jobs": {JOB: {"kinds": [...], "at": …, "since": …, "began": …}}, "reasons": {REASON: at},
                      "digest_at": …, "unreached": {"since": …, "at": …, "why": …}}}}
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from backupjump.config.telling import Happening
from backupjump.run import rfc3339
from backupjump.whole_files import write_private_files

if TYPE_CHECKING:
    from pathlib import Path

_MOST_BYTES = 16 << 20


@dataclass(frozen=True, kw_only=True)
class JobTold:
    """What has been told of a job since it was last well: which kinds, `at` when last.

    `began`: when the first of its troubles did; a good snapshot that is newer than `since` ends them.
    """

    kinds: frozenset[Happening]
    at: datetime
    since: datetime
    began: datetime


@dataclass(frozen=True, kw_only=True)
class Unreached:
    """A channel that did not take a message: since when, when it was last tried, and why (safe to show)."""

    since: datetime
    at: datetime
    why: str


@dataclass(frozen=True, kw_only=True)
class Memory:
    """What one channel has told. `reasons`: when a reason was last told of. `digest_at`: the last digest, if any."""

    jobs: Mapping[str, JobTold] = field(default_factory=dict)
    reasons: Mapping[str, datetime] = field(default_factory=dict)
    digest_at: datetime | None = None
    unreached: Unreached | None = None


def read_memories(path: Path) -> dict[str, Memory]:
    """Return what each channel has told, by its label; nothing where nothing can be read."""
    with suppress(OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        with path.open("rb") as file:
            found = json.loads(file.read(_MOST_BYTES))
        return {str(label): _memory(values) for label, values in found["channels"].items()}
    return {}


def write_memories(path: Path, memories: Mapping[str, Memory]) -> None:
    """Keep what each channel has told. Raises ConfigError when it can't be written; what stood there stays then."""
    values = {"channels": {label: _values(memory) for label, memory in memories.items()}}
    write_private_files(path.parent, {path.name: json.dumps(values, indent=1) + "\n"})


def _values(memory: Memory) -> dict[str, Any]:
    gone = memory.unreached
    return {
        "jobs": {
            name: {
                "kinds": sorted(told.kinds),
                "at": rfc3339(told.at),
                "since": rfc3339(told.since),
                "began": rfc3339(told.began),
            }
            for name, told in memory.jobs.items()
        },
        "reasons": {reason: rfc3339(at) for reason, at in memory.reasons.items()},
        "digest_at": memory.digest_at and rfc3339(memory.digest_at),
        "unreached": gone and {"since": rfc3339(gone.since), "at": rfc3339(gone.at), "why": gone.why},
    }


def _memory(values: dict[str, Any]) -> Memory:
    gone = values["unreached"]
    return Memory(
        jobs={
            str(name): JobTold(
                kinds=frozenset(Happening(kind) for kind in told["kinds"]),
                at=_time(told["at"]),
                since=_time(told["since"]),
                began=_time(told["began"]),
            )
            for name, told in values["jobs"].items()
        },
        reasons={str(reason): _time(at) for reason, at in values["reasons"].items()},
        digest_at=_time(values["digest_at"]) if values["digest_at"] else None,
        unreached=Unreached(since=_time(gone["since"]), at=_time(gone["at"]), why=str(gone["why"])) if gone else None,
    )


def _time(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("a time without a zone")
    return at
