"""What a job's snapshots cost: how much comes back when one of them is deleted, or several at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backupjump.operations.verify.folder import kept
from backupjump.store.freed import Freed, freed_by
from backupjump.store.freed import freed_alone as weighed_alone
from backupjump.store.snapshots import checked

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from backupjump.operations.site import Site


def freed_alone(
    site: Site, job_name: str, *, on_progress: Callable[[int, int], object] = lambda _done, _of: None
) -> Mapping[str, Freed]:
    """Return by id what deleting each snapshot of a job would give back, if it alone were deleted.

    Of one whose manifest is damaged that is not known, and it is not among them. `on_progress` is told how many
    are done. No prune takes one away meanwhile.
    """
    kind = site.marker().kind
    with kept(site.folder_of(site.job(job_name))) as snapshots:
        whole = [each for each in snapshots if not checked(each).problem]
        found = {}
        for snapshot, freed in weighed_alone(whole, kind):
            found[snapshot.id] = freed
            on_progress(len(found), len(whole))
        return found


def freed_together(
    site: Site, job_name: str, going: Collection[str], *, on_progress: Callable[[int, int], object]
) -> Freed:
    """Return what deleting all of `going` would give back; not known where one of them is gone or damaged."""
    kind, done = site.marker().kind, 0

    def one_more() -> None:
        nonlocal done
        done += 1
        on_progress(done, len(going))

    with kept(site.folder_of(site.job(job_name))) as snapshots:
        whole = [each for each in snapshots if not checked(each).problem]
        if not set(going) <= {each.id for each in whole}:
            return Freed(size_bytes=None)
        return freed_by(whole, going, kind, on_progress=one_more)
