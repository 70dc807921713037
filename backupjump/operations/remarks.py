"""Lines for a person about what a run costs, and about a store that fills up. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backupjump.operations.report import FILLING, size

if TYPE_CHECKING:
    from backupjump.run import Counts

_COPIES_BYTES = 10_000_000
_COPIES_SHARE = 0.05
_LITTLE_ROOM_SHARE = 0.10

_REASONS = {
    "owner": "the owner changed (chown -R?)",
    "mode": "the mode changed (chmod -R?)",
    "attributes": "the ACLs or extended attributes changed (setfacl -R, restorecon?)",
    "time": "the time changed (touch?)",
    "nothing": "the store could not link them (has the filesystem no more links to one file?)",
}


def about_copies(counts: Counts, *, why: str) -> tuple[str, ...]:
    """Return a line where so much was stored again with the content that it had that it is worth to know."""
    if counts.bytes_copied < _COPIES_BYTES or counts.bytes_copied < _COPIES_SHARE * counts.bytes_total:
        return ()
    files = "1 file was" if counts.files_copied == 1 else f"{counts.files_copied:,} files were"
    reason = _REASONS.get(why, _REASONS["nothing"])
    return (f"{files} stored again with the same content, {size(counts.bytes_copied)}: mostly because {reason}",)


def about_room(job: str, *, free_bytes: int, total_bytes: int) -> tuple[str, ...]:
    """Return a line where a store whose old snapshots stay, until someone has looked, has under 10 % free bytes."""
    if free_bytes >= _LITTLE_ROOM_SHARE * total_bytes:
        return ()
    return (
        f"{FILLING}: {size(free_bytes)} of {size(total_bytes)} are free, "
        f"and old snapshots of {job} stay until: backupjump ack {job}",
    )
