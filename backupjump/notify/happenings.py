"""What is told: how a job stands just now, and what of that is news."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from backupjump.config.telling import Happening


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How a job stands just now, as far as somebody has to be told.

    `trouble` is None, too, while its Desktop is away or puts it off; `well` only when all is good. `reason` is the
    stable word of what is wrong, `what` its telling, `help` what to type. `since`: when the trouble began.
    """

    job: str
    desktop: str
    trouble: Happening | None = None
    well: bool = False
    reason: str = ""
    what: str = ""
    help: str = ""
    since: datetime | None = None
    last_good_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something to tell of a job. `repeat`: it has been told before, and still goes on. `since`: from when on."""

    kind: Happening
    standing: Standing
    since: datetime
    repeat: bool = False
