"""The page that lies in every store: how to get files back from it without this program."""

from __future__ import annotations

from backupjump.config.models import Ownership, StoreKind
from backupjump.run import rfc3339
from backupjump.store.marker import Marker

# What rsync needs besides -aH -S to give back all that a store of each kind kept, who types it, and what
# stands before the source. In a local copy --fake-super holds on both ends, and rsync 3.2.7 takes a wrong
# target when -M says otherwise for one (measured). So the reading end is made a remote one, which `env`
# starts right here in the place of ssh. Source: rsync(1), --fake-super, and a test of what comes back.
_NATIVE = (("As root; owners, modes, links and devices come back:", "--numeric-ids", ""),)
_FAKE_SUPER = (
    (
        "As root owners, modes, links and devices come back; as the user whose store\n"
        "this is, all files come out as that user's, without devices:",
        "-s --numeric-ids -M--fake-super -e env",
        "LC_ALL=C:",
    ),
)
_PLAIN = (("As the user whose store this is, or root; this store never kept owners:", "--no-owner --no-group", ""),)

_OPTIONS = {Ownership.NATIVE: _NATIVE, Ownership.FAKE_SUPER: _FAKE_SUPER, Ownership.PLAIN: _PLAIN}

_OWNERSHIP = {
    Ownership.NATIVE: "Owners and modes are those of the files in tree/ (ownership: native).",
    Ownership.FAKE_SUPER: (
        "Owners, modes, symlinks and devices are kept in the extended attribute\n"
        "user.rsync.%stat (ownership: fake-super). In tree/ itself a symlink is a small\n"
        "file that holds its target, and everything belongs to one user. So use rsync\n"
        "as below; cp or tar would bring back the contents alone."
    ),
    Ownership.PLAIN: "Owners were never kept; all else is as it is in tree/ (ownership: plain).",
}

_PAGE = """\
How to restore from this store without backupjump
=================================================

This folder holds backups: plain files that rsync (3.1 or newer) brings back.
store {uuid}, format {format}, made {created_at}

    DESKTOP/JOB/latest                            the newest good snapshot
    DESKTOP/JOB/snapshots/2026-11-22T02-30-00Z    one for each time, in UTC
        tree/                                     the files, each at its own full path
        manifest.jsonl.zst                        a list of them with hashes
        meta.json                                 how it was made

{ownership}

First go to the folder that this page lies in. Then put the real names in place
of DESKTOP, JOB, PATH (such as home/me/notes.txt) and TARGET (a folder that is
there, with room). For another snapshot than the newest one write
snapshots/2026-11-22T02-30-00Z in place of latest.

What is in a snapshot, a line of JSON for each file:

    zstdcat DESKTOP/JOB/latest/manifest.jsonl.zst

{restore}
{sharing}
"""

_SHARING = {
    StoreKind.HARDLINK: """\
Never write into tree/ and never run rsync with tree/ as its target: snapshots
share the files that did not change, so a change in one is a change in all.""",
    StoreKind.BTRFS: """\
Each tree/ is a read-only subvolume of btrfs and shares what did not change with
the others (kind: btrfs). A copy by cp or rsync is whole, but takes up the space
of every snapshot in full. To copy them as they are, use btrfs send with -p.
What is deleted with rm -rf is deleted at once by: btrfs subvolume delete.""",
}

_RESTORE = """\
{who}

    # everything
    rsync {options} {source}DESKTOP/JOB/latest/tree/ TARGET/
    # one folder or one file, at its own path below TARGET
    rsync {options} -R {source}DESKTOP/JOB/latest/tree/./PATH TARGET/
"""


def restore_text(marker: Marker) -> str:
    """Return the page for a store, its command lines made for how that very store keeps owners."""
    archive = f"-aH{'A' if marker.acls else ''}{'X' if marker.xattrs else ''} -S"
    ways = (
        _RESTORE.format(who=who, options=f"{archive} {more}", source=source)
        for who, more, source in _OPTIONS[marker.ownership]
    )
    return _PAGE.format(
        uuid=marker.uuid,
        format=marker.format,
        created_at=rfc3339(marker.created_at),
        ownership=_OWNERSHIP[marker.ownership],
        restore="\n".join(ways),
        sharing=_SHARING[marker.kind],
    )
