"""What to read next when only a share can be read: the parts of a job's content, the longest unread first. Pure.

A job's content is cut into parts that together are all of it: the newest snapshot in 64 buckets, and for each
older one what it does not share with the next newer.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from backupjump.store.manifest import Entry, sort_key
from backupjump.store.marks import Marks
from backupjump.store.snapshots import Snapshot

BUCKETS = 64
# So much of all content in each run reads everything in 50 runs.
SHARE_OF_A_RUN = 0.02


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of a job's content. `newer` is what an older snapshot shares the rest with, `bucket` one of the newest."""

    snapshot: Snapshot
    bucket: int | None = None
    newer: Snapshot | None = None

    @property
    def key(self) -> str:
        """Its name in the marks."""
        return self.snapshot.id if self.bucket is None else str(self.bucket)


def bucket_of(path: bytes) -> int:
    """Return the bucket of a path, the same one in every snapshot."""
    return zlib.crc32(path) % BUCKETS


def parts_of(snapshots: Sequence[Snapshot]) -> tuple[Part, ...]:
    """Return all parts of a job with whole `snapshots`, which are oldest first."""
    if not snapshots:
        return ()
    *older, newest = snapshots
    own = (Part(snapshot=each, newer=newer) for each, newer in zip(older, snapshots[1:], strict=True))
    return (*(Part(snapshot=newest, bucket=bucket) for bucket in range(BUCKETS)), *own)


def due_parts(snapshots: Sequence[Snapshot], parts_at: Mapping[str, datetime], *, now: datetime) -> tuple[Part, ...]:
    """Return all parts, the one that was not read for the longest time first.

    A bucket never read comes before all; what an older snapshot alone holds was hashed when it was taken, so
    that it waits its turn and a job that changes much still comes around. A time to come counts as never.
    """

    def read_at(part: Part) -> float:
        at = parts_at.get(part.key) or (part.snapshot.taken_at if part.bucket is None else None)
        return at.timestamp() if at is not None and at <= now else 0.0

    return tuple(sorted(parts_of(snapshots), key=read_at))


def content_bytes(snapshots: Sequence[Snapshot]) -> int:
    """Return about how many bytes of content `snapshots`, oldest first, hold together, shared ones once."""
    if not snapshots:
        return 0
    grown = snapshots[0].bytes_total + sum(each.bytes_new for each in snapshots[1:])
    return max(grown, snapshots[-1].bytes_total)


def own_paths(older: Iterable[Entry], newer: Iterable[Entry]) -> Iterator[bytes]:
    """Yield the paths of what `older` does not share with `newer`; both in a manifest's order."""
    after = iter(newer)
    there = next(after, None)
    for entry in older:
        key = sort_key(entry.path)
        while there is not None and sort_key(there.path) < key:
            there = next(after, None)
        if there is None or there.path != entry.path or there.ino != entry.ino or entry.type == "dir":
            yield entry.path


@dataclass(frozen=True, kw_only=True)
class Looked:
    """What a verify has looked at and found: ids of whole snapshots, keys of parts, damaged and healed paths by id.

    `hopeless` are those of the damaged ones that nothing can heal.
    """

    whole: frozenset[str] = frozenset()
    parts: frozenset[str] = frozenset()
    damaged: Mapping[str, int]
    healed: Mapping[str, int]
    hopeless: Mapping[str, int] = field(default_factory=dict)


def marked(marks: Marks, looked: Looked, *, now: datetime, drilled: bool = False) -> Marks:
    """Return the marks after a verify.

    Only a look at the whole of a snapshot can find it sound again; a look at a part adds to what is known,
    and what was healed is taken off. `drilled`: a restore was tried out, and was right.
    """
    damage, verified_at = dict(marks.damage), dict(marks.verified_at)
    for id_ in looked.whole:
        damage[id_] = looked.damaged.get(id_, 0)
        if not damage[id_]:
            verified_at[id_] = now
    for id_ in (looked.damaged.keys() | looked.healed.keys()) - looked.whole:
        left = damage.get(id_, 0) - looked.healed.get(id_, 0)
        damage[id_] = max(left, looked.damaged.get(id_, 0))
    given_up = {**marks.given_up, **looked.hopeless}
    return replace(
        marks,
        damage={id_: paths for id_, paths in damage.items() if paths > 0},
        given_up={id_: min(given_up[id_], paths) for id_, paths in damage.items() if paths > 0 and id_ in given_up},
        verified_at=verified_at,
        parts_at={**marks.parts_at, **dict.fromkeys(looked.parts, now)},
        drilled_at=now if drilled else marks.drilled_at,
    )
