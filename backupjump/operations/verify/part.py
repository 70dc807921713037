"""Verify a share of what a job holds: after each run a little, so that all of it comes around."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from random import SystemRandom
from typing import TYPE_CHECKING

from backupjump.operations.verify.drill import drill_one
from backupjump.operations.verify.folder import kept, note, write_back
from backupjump.operations.verify.heal import Outcome
from backupjump.operations.verify.wish import Verified
from backupjump.run import utc_now
from backupjump.store.marks import read_marks
from backupjump.store.verify.differences import Rules
from backupjump.store.verify.extent import Seen, look_at_parts
from backupjump.store.verify.names import named, with_copies
from backupjump.store.verify.parts import SHARE_OF_A_RUN, content_bytes
from backupjump.store.verify.tree import Looker, damaged_papers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from backupjump.store.layout import JobFolder
    from backupjump.store.marker import Marker
    from backupjump.store.snapshots import Snapshot

# What a run may take for it, after its publication.
SECONDS_OF_A_RUN = 300.0
BETWEEN_DRILLS = timedelta(days=7)


class Interrupted(Exception):
    """Whoever asked for the verify has no more time for it; nothing of it is noted."""


def verify_part(
    folder: JobFolder,
    marker: Marker,
    *,
    budget_bytes: int | None = None,
    seconds: float = SECONDS_OF_A_RUN,
    stopping: Callable[[], bool] = lambda: False,
    now: datetime | None = None,
) -> Verified:
    """Verify what was not read for the longest time, for after a good run; once a week try a restore out.

    Reads `budget_bytes` (2 % of all content if not said: everything in 50 runs) and at most one part more,
    or for so many `seconds`. The job's lock is needed for a moment, to note what is damaged in the marks;
    while it is held by somebody else, what was found is returned alone. Raises StoreError, and
    `Interrupted` soon after `stopping` says so.
    """

    def look_up(_names: int, _bytes: int) -> None:
        if stopping():
            raise Interrupted

    now, ends_at = now or utc_now(), time.monotonic() + seconds
    with kept(folder) as snapshots:
        write_back(folder.store, marker)
        looker, tried = Looker(Rules.of(marker), on_progress=look_up), None
        sound, seen = papers([each for each in snapshots if not each.is_seeding])
        if sound:
            share = int(content_bytes(sound) * SHARE_OF_A_RUN) if budget_bytes is None else budget_bytes
            parts = look_at_due(sound, looker, folder, share, lambda: time.monotonic() > ends_at, now)
            seen = replace(parts, damages=seen.damages + parts.damages)
        outcomes = outcomes_of(seen, snapshots, looker.rules)
        if drill_is_due(read_marks(folder).drilled_at, now):
            tried = drill_one(sound, marker, outcomes, store=folder.store, random=SystemRandom())
        warnings = note(folder, seen, outcomes, now=now, drilled=tried is not None and not tried.failed)
    return Verified(
        job=folder.job,
        checked=looker.checked,
        read_bytes=looker.read_bytes,
        outcomes=outcomes,
        drill=tried,
        snapshots=len(snapshots),
        warnings=warnings,
    )


def drill_is_due(drilled_at: datetime | None, now: datetime) -> bool:
    """Whether the last restore that was tried out is a week old; one of the future counts as none."""
    return drilled_at is None or not timedelta(0) <= now - drilled_at < BETWEEN_DRILLS


def papers(snapshots: Sequence[Snapshot]) -> tuple[tuple[Snapshot, ...], Seen]:
    """Return the snapshots that can be compared with their manifests, and the damage of the others."""
    damages = {each.id: damage for each in snapshots if (damage := damaged_papers(each)) is not None}
    return tuple(each for each in snapshots if each.id not in damages), Seen(damages=tuple(damages.values()))


def outcomes_of(seen: Seen, snapshots: Sequence[Snapshot], rules: Rules) -> tuple[Outcome, ...]:
    """Return each damage once, with all snapshots that have it, and nothing come of it yet."""
    return tuple(Outcome(damage=damage) for damage in named(with_copies(seen.damages, snapshots, rules), snapshots))


def look_at_due(
    sound: Sequence[Snapshot],
    looker: Looker,
    folder: JobFolder,
    budget_bytes: int,
    time_is_up: Callable[[], bool],
    now: datetime,
) -> Seen:
    """Look at what was not read for the longest time, about `budget_bytes` of it."""
    parts_at = read_marks(folder).parts_at
    return look_at_parts(sound, looker, parts_at, now=now, budget_bytes=budget_bytes, time_is_up=time_is_up)
