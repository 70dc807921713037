"""The distinct contents that one path has had, from what each snapshot says of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from backupjump.store.changes import differs_in_metadata, is_same
from backupjump.store.manifest import Entry
from backupjump.store.snapshots import Snapshot


@dataclass(frozen=True, kw_only=True)
class Version:
    """One content of a path: in which `snapshots` it is, oldest first, and what the newest of these says of it.

    In each of `gone_in` nothing is at the path, right after a snapshot that had this; in each of
    `metadata_changed_in` only owner, mode, time or attributes are not what they were.
    """

    entry: Entry
    snapshots: tuple[Snapshot, ...]
    gone_in: tuple[Snapshot, ...] = ()
    metadata_changed_in: tuple[Snapshot, ...] = ()

    @property
    def first(self) -> Snapshot:
        """The oldest snapshot that has it."""
        return self.snapshots[0]

    @property
    def last(self) -> Snapshot:
        """The newest snapshot that has it."""
        return self.snapshots[-1]

    @property
    def only_doubtful(self) -> bool:
        """Whether every snapshot that has it is suspect, and nobody has said that it is right."""
        return all(each.is_suspect and not each.acked for each in self.snapshots)


def versions_in(seen: Iterable[tuple[Snapshot, Entry | None]]) -> tuple[Version, ...]:
    """Return the versions of a path, in the order in which they came; `seen` has the snapshots oldest first.

    A content that comes back is the version that it was. All states of a folder are one version.
    """
    found: list[Version] = []
    current: int | None = None
    for snapshot, entry in seen:
        if entry is None:
            if current is not None:
                found[current] = replace(found[current], gone_in=(*found[current].gone_in, snapshot))
            current = None
            continue
        # The newest first: where hashes can't be compared, size and time decide, and these are nearest.
        current = next((at for at in reversed(range(len(found))) if is_same(entry, found[at].entry)), None)
        if current is None:
            current = len(found)
            found.append(Version(entry=entry, snapshots=(snapshot,)))
        else:
            found[current] = _seen_again(found[current], snapshot, entry)
    return tuple(found)


def _seen_again(version: Version, snapshot: Snapshot, entry: Entry) -> Version:
    changed = (snapshot,) if differs_in_metadata(entry, version.entry) else ()
    return replace(
        version,
        entry=entry,
        snapshots=(*version.snapshots, snapshot),
        metadata_changed_in=(*version.metadata_changed_in, *changed),
    )
