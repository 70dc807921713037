"""Take note of how far a first backup has come that does not end in this session, for `status` to tell."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from backupjump.store.first_backup import advanced, read_first_backup, write_first_backup
from backupjump.store.tree import walk

if TYPE_CHECKING:
    from pathlib import Path

    from backupjump.operations.under_way import Pull
    from backupjump.rsync.progress import Progress

log = logging.getLogger(__name__)


def note_first_backup(pull: Pull) -> None:
    """Keep how much the attempt of `pull` has got, of how much, if the job has no snapshot yet; never raises OSError.

    The attempt is looked through, which takes far less than the transfer did.
    """
    staging = pull.staging
    if staging is None or staging.base is not None or staging.last_good is not None:
        return
    try:
        held = _held_bytes(staging.tree)
        # rsync tells of the source that it is at; how much the later ones hold it does not know yet.
        last = max(staging.sources, key=lambda each: each.split("/"))
        before = held - _held_bytes(staging.tree / last.lstrip("/"))
    except OSError as error:
        log.debug("%s: can't say how far the first backup is: %s", pull.job.name, error)
        return
    known = total_of(pull.progress) if pull.sources_begun == len(staging.sources) else None
    first = advanced(
        read_first_backup(pull.folder),
        held_bytes=held,
        total_bytes=None if known is None else before + known,
        percent=pull.progress.percent,
        day=pull.run.started_at.astimezone().date(),
    )
    write_first_backup(pull.folder, first)


def total_of(progress: Progress) -> int | None:
    """Return about how much there is to transfer, as rsync's own share tells it; None as long as it can't.

    It cuts that share down to whole percent, so the middle between two of them is nearest.
    """
    if progress.listing or not progress.percent:
        return None
    return max(progress.bytes_done, round(100 * progress.bytes_done / (progress.percent + 0.5)))


def _held_bytes(tree: Path) -> int:
    return sum(found.status.st_size for found in walk(tree) if found.is_regular) if tree.exists() else 0
