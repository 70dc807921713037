"""Verify: re-read what the store holds, compare it with the manifests, say which snapshots any damage is in.

The job's lock is needed only to write marks.json and to heal; what is looked at is kept from a prune.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random, SystemRandom
from typing import TYPE_CHECKING

from backupjump.operations.verify.drill import drill_one
from backupjump.operations.verify.folder import kept, mark, note, write_back
from backupjump.operations.verify.heal import Outcome, heal
from backupjump.operations.verify.part import look_at_due, outcomes_of, papers
from backupjump.operations.verify.source import against_source, fetching
from backupjump.operations.verify.wish import Verified, Wish
from backupjump.run import utc_now
from backupjump.store.lock import locked
from backupjump.store.snapshots import newest_good
from backupjump.store.verify.differences import Rules
from backupjump.store.verify.extent import Seen, look_at
from backupjump.store.verify.parts import content_bytes
from backupjump.store.verify.tree import Looker

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from backupjump.operations.site import Site
    from backupjump.store.layout import JobFolder
    from backupjump.store.marker import Marker
    from backupjump.store.snapshots import Snapshot


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
    marker = site.marker()
    random = random or SystemRandom()
    with kept(folder) as snapshots:
        if not snapshots:
            return Verified(job=job_name)
        write_back(settings.path, marker)
        looker = Looker(Rules.of(marker), on_progress=on_progress)
        sound, seen = papers(snapshots)
        compared = None
        # First: whoever asks for it should not wait for hours to hear that the Desktop is away.
        if wish.against_source and (newest := newest_good(sound)) is not None:
            compared = against_source(job_name, site.config_file, newest, marker, share=wish.share, random=random)
        if sound:
            seen = _look(sound, looker, folder, wish, seen)
        outcomes = outcomes_of(seen, snapshots, looker.rules)
        if outcomes and wish.heal:
            outcomes = _healed(site, job_name, marker, snapshots, outcomes, seen)
        tried = drill_one(sound, marker, outcomes, store=settings.path, random=random)
        return Verified(
            job=job_name,
            checked=looker.checked,
            read_bytes=looker.read_bytes,
            outcomes=outcomes,
            source=compared,
            drill=tried,
            snapshots=len(snapshots),
            warnings=note(folder, seen, outcomes, now=utc_now(), drilled=tried is not None and not tried.failed),
        )


def _look(sound: Sequence[Snapshot], looker: Looker, folder: JobFolder, wish: Wish, before: Seen) -> Seen:
    if wish.share is None:
        seen = look_at(sound[::-1] if wish.every else sound[-1:], looker, newest=sound[-1])
    else:
        seen = look_at_due(sound, looker, folder, int(content_bytes(sound) * wish.share), lambda: False, utc_now())
    return replace(seen, damages=before.damages + seen.damages)


def _healed(
    site: Site, job_name: str, marker: Marker, snapshots: Sequence[Snapshot], found: Sequence[Outcome], seen: Seen
) -> tuple[Outcome, ...]:
    folder, damages = site.folder_of(site.job(job_name)), [each.damage for each in found]
    with locked(folder) as lock_fd:
        # Noted before it is healed: should this be killed on the way, the next run must not link to it.
        mark(folder, seen, found, now=utc_now())
        with fetching(job_name, site.config_file, marker, lock_fd=lock_fd) as fetch:
            return heal(damages, snapshots, Rules.of(marker), fetch=fetch)
