"""Verify: re-read what the store holds, compare it with the manifests, say which snapshots any damage is in.

The job's lock is needed only to write marks.json and to heal; what is looked at is kept from a prune.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from random import Random, SystemRandom
from typing import TYPE_CHECKING

from backupjump.errors import JobLocked, StoreError
from backupjump.operations.verify_drill import Drill, drill
from backupjump.operations.verify_folder import kept, locked_soon, mark, write_back
from backupjump.operations.verify_heal import Outcome, heal
from backupjump.operations.verify_source import against_source, fetching
from backupjump.run import utc_now
from backupjump.store.lock import locked
from backupjump.store.marker import read_marker
from backupjump.store.marks import read_marks
from backupjump.store.snapshots import newest_good
from backupjump.store.verify import Rules
from backupjump.store.verify_names import named
from backupjump.store.verify_parts import SHARE_OF_A_RUN, content_bytes
from backupjump.store.verify_pass import Seen, look_at, look_at_parts
from backupjump.store.verify_tree import Looker, damaged_papers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from backupjump.operations.site import Site
    from backupjump.rsync.compare import Compared
    from backupjump.store.layout import JobFolder
    from backupjump.store.marker import Marker
    from backupjump.store.snapshots import Snapshot

EXIT_DAMAGE = 4
# What a run reads after its publication, at most.
SECONDS_OF_A_RUN = 300.0


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What to verify besides the newest snapshot: `every` one, or instead a `share` (0 to 1) of all content."""

    every: bool = False
    share: float | None = None
    heal: bool = False
    against_source: bool = False


@dataclass(frozen=True, kw_only=True)
class Verified:
    """What a verify came to. `checked` counts names, `read_bytes` content; `warnings` are for people."""

    job: str
    checked: int = 0
    read_bytes: int = 0
    outcomes: tuple[Outcome, ...] = ()
    source: Compared | None = None
    drill: Drill | None = None
    snapshots: int = 0
    warnings: tuple[str, ...] = ()

    @property
    def healed(self) -> int:
        """How many damages are healed."""
        return sum(outcome.healed for outcome in self.outcomes)

    @property
    def exit_code(self) -> int:
        """4 when something is damaged and stays so, else 0."""
        silent = self.source is not None and bool(self.source.silent)
        not_restored = self.drill is not None and bool(self.drill.failed)
        return EXIT_DAMAGE if self.healed < len(self.outcomes) or silent or not_restored else 0


def verify_job(
    site: Site,
    job_name: str,
    wish: Wish,
    *,
    on_progress: Callable[[int, int], object] = lambda _names, _bytes: None,
    random: Random | None = None,
) -> Verified:
    """Verify a job's snapshots as `wish` says, try a restore out, and note in the marks what came of it.

    Raises UsageError, NoStore and StoreError for a store that can't be read at all, JobLocked when it is to
    heal and a run is under way, and what a run raises when it is to ask the Desktop and can't.
    """
    settings, folder = site.server.store, site.folder_of(site.job(job_name))
    marker = read_marker(settings.path, uuid=settings.uuid)
    random = random or SystemRandom()
    with kept(folder) as snapshots:
        if not snapshots:
            return Verified(job=job_name)
        write_back(settings.path, marker)
        looker = Looker(Rules.of(marker), on_progress=on_progress)
        sound, seen = _papers(snapshots)
        if sound:
            seen = _look(sound, looker, folder, wish, seen)
        outcomes = tuple(Outcome(damage=damage) for damage in named(seen.damages, snapshots))
        if outcomes and wish.heal:
            outcomes = _healed(site, job_name, marker, snapshots, outcomes, seen)
        tried = _drilled(sound, marker, settings.path, outcomes, random)
        verified = Verified(
            job=job_name,
            checked=looker.checked,
            read_bytes=looker.read_bytes,
            outcomes=outcomes,
            drill=tried,
            snapshots=len(snapshots),
            warnings=_noted(folder, seen, outcomes, drilled=tried is not None and not tried.failed),
        )
        newest = newest_good(sound)
        if wish.against_source and newest is not None:
            compared = against_source(job_name, site.config_file, newest, marker, share=wish.share, random=random)
            verified = replace(verified, source=compared)
    return verified


def verify_part(
    folder: JobFolder,
    marker: Marker,
    *,
    budget_bytes: int | None = None,
    seconds: float = SECONDS_OF_A_RUN,
    now: datetime | None = None,
) -> Verified:
    """Verify what was not read for the longest time; for after a good run, the job's lock must be held.

    Reads `budget_bytes` (2 % of all content if not said: everything in 50 runs) and at most one part more,
    or for so many `seconds`. What is damaged stands in the marks afterwards. Raises StoreError.
    """
    now, ends_at = now or utc_now(), time.monotonic() + seconds
    with kept(folder) as snapshots:
        looker = Looker(Rules.of(marker))
        sound, seen = _papers(snapshots)
        if sound:
            share = int(content_bytes(sound) * SHARE_OF_A_RUN) if budget_bytes is None else budget_bytes
            parts = _look_at_parts(sound, looker, folder, share, lambda: time.monotonic() > ends_at, now)
            seen = replace(parts, damages=seen.damages + parts.damages)
        outcomes = tuple(Outcome(damage=damage) for damage in named(seen.damages, snapshots))
        mark(folder, seen, outcomes, now=now)
    return Verified(
        job=folder.job,
        checked=looker.checked,
        read_bytes=looker.read_bytes,
        outcomes=outcomes,
        snapshots=len(snapshots),
    )


def _papers(snapshots: Sequence[Snapshot]) -> tuple[tuple[Snapshot, ...], Seen]:
    """Return the snapshots that can be compared with their manifests, and the damage of the others."""
    damages = {each.id: damage for each in snapshots if (damage := damaged_papers(each)) is not None}
    return tuple(each for each in snapshots if each.id not in damages), Seen(damages=tuple(damages.values()))


def _look(sound: Sequence[Snapshot], looker: Looker, folder: JobFolder, wish: Wish, papers: Seen) -> Seen:
    if wish.share is None:
        seen = look_at(sound[::-1] if wish.every else sound[-1:], looker, newest=sound[-1])
    else:
        seen = _look_at_parts(sound, looker, folder, int(content_bytes(sound) * wish.share), lambda: False, utc_now())
    return replace(seen, damages=papers.damages + seen.damages)


def _look_at_parts(
    sound: Sequence[Snapshot],
    looker: Looker,
    folder: JobFolder,
    budget_bytes: int,
    time_is_up: Callable[[], bool],
    now: datetime,
) -> Seen:
    parts_at = read_marks(folder).parts_at
    return look_at_parts(sound, looker, parts_at, now=now, budget_bytes=budget_bytes, time_is_up=time_is_up)


def _healed(
    site: Site, job_name: str, marker: Marker, snapshots: Sequence[Snapshot], found: Sequence[Outcome], seen: Seen
) -> tuple[Outcome, ...]:
    folder, damages = site.folder_of(site.job(job_name)), [each.damage for each in found]
    with locked(folder) as lock_fd:
        # Noted before it is healed: should this be killed on the way, the next run must not link to it.
        mark(folder, seen, found, now=utc_now())
        with fetching(job_name, site.config_file, marker, lock_fd=lock_fd) as fetch:
            return heal(damages, snapshots, Rules.of(marker), fetch=fetch)


def _drilled(
    sound: Sequence[Snapshot], marker: Marker, store: Path, outcomes: Sequence[Outcome], random: Random
) -> Drill | None:
    if not sound:
        return None
    hurt = {id_ for each in outcomes if not each.healed for id_ in each.damage.snapshots}
    # What is known to be damaged has been told of; it would fail here once more.
    unhurt = [each for each in sound if not each.damaged and each.id not in hurt] or sound
    damaged = [path for each in outcomes if not each.healed for path in (each.damage.path, *each.damage.also)]
    return drill(random.choice(unhurt), marker, store=store, random=random, passed_over=damaged)


def _noted(folder: JobFolder, seen: Seen, outcomes: Sequence[Outcome], *, drilled: bool) -> tuple[str, ...]:
    """Note in the marks what came of it, or return why that could not be."""
    try:
        with locked_soon(folder):
            mark(folder, seen, outcomes, now=utc_now(), drilled=drilled)
    except (StoreError, JobLocked) as error:
        return (f"what was found is not noted, so the next run does not know of it: {error}",)
    return ()
