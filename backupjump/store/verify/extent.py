"""Which snapshots a verify looks at, and how far: the newest, all, or what was not read for the longest time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime

from backupjump.store.manifest import read_manifest, sort_key
from backupjump.store.snapshots import Snapshot
from backupjump.store.verify.differences import Damage
from backupjump.store.verify.parts import BUCKETS, Part, bucket_of, due_parts, own_paths
from backupjump.store.verify.tree import Looker

ALL_BUCKETS = frozenset(str(bucket) for bucket in range(BUCKETS))


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What was looked at, and the damage in it: ids of snapshots that were looked at whole, keys of parts."""

    damages: tuple[Damage, ...] = ()
    whole: frozenset[str] = frozenset()
    parts: frozenset[str] = frozenset()


def look_at(snapshots: Sequence[Snapshot], looker: Looker, *, newest: Snapshot) -> Seen:
    """Look at each of `snapshots` whole; their manifests must be whole. `newest` is the job's newest one."""
    damages = tuple(damage for snapshot in snapshots for damage in looker.look(snapshot))
    whole = frozenset(snapshot.id for snapshot in snapshots)
    buckets = ALL_BUCKETS if newest.id in whole else frozenset[str]()
    return Seen(damages=damages, whole=whole, parts=(whole - {newest.id}) | buckets)


def look_at_parts(
    snapshots: Sequence[Snapshot],
    looker: Looker,
    parts_at: Mapping[str, datetime],
    *,
    now: datetime,
    budget_bytes: int,
    time_is_up: Callable[[], bool],
) -> Seen:
    """Look at parts of `snapshots` (oldest first, whole manifests), the longest unread first.

    It goes on until about `budget_bytes` have been read, so one part may go over it, or until `time_is_up`; the
    first part is looked at to its end in any case, or one that is too large would never be.
    """
    due = due_parts(snapshots, parts_at, now=now)
    passing = _Passing(looker, time_is_up, sure=due[0])
    # On average: to know each one's would be one more reading of the manifest.
    bucket_bytes = snapshots[-1].bytes_total / BUCKETS
    buckets: list[int] = []
    begun_at, planned = looker.read_bytes, 0.0
    for part in due:
        if part is not due[0] and looker.read_bytes - begun_at + planned >= budget_bytes:
            break
        if part.bucket is not None:
            buckets.append(part.bucket)
            planned += bucket_bytes
        elif part is due[0] or not time_is_up():
            passing.look_at_own(part)
    if buckets:
        passing.look_at_buckets(snapshots[-1], buckets)
    return Seen(damages=tuple(passing.damages), parts=frozenset(passing.parts))


class _Passing:
    """One pass over some parts, the `sure` one to its end: what it found, and which parts it has come to the end of."""

    def __init__(self, looker: Looker, time_is_up: Callable[[], bool], *, sure: Part) -> None:
        self.damages: list[Damage] = []
        self.parts: set[str] = set()
        self._looker = looker
        self._time_is_up = time_is_up
        self._sure = sure

    def look_at_own(self, part: Part) -> None:
        assert part.newer is not None
        own = own_paths(read_manifest(part.snapshot.manifest), read_manifest(part.newer.manifest))
        is_own, may_stop, cut = _in_order(own), part is not self._sure, False

        def chosen(path: bytes) -> bool:
            nonlocal cut
            cut = cut or (may_stop and self._time_is_up())
            return is_own(path) and not cut

        self.damages += self._looker.look(part.snapshot, chosen=chosen)
        if not cut:
            self.parts.add(part.key)

    def look_at_buckets(self, newest: Snapshot, buckets: Sequence[int]) -> None:
        wanted, cut = set(buckets), set[int]()

        def chosen(path: bytes) -> bool:
            bucket = bucket_of(path)
            if bucket in wanted and bucket != self._sure.bucket and self._time_is_up():
                wanted.discard(bucket)
                cut.add(bucket)
            return bucket in wanted

        self.damages += self._looker.look(newest, chosen=chosen)
        self.parts |= {str(bucket) for bucket in buckets if bucket not in cut}


def _in_order(paths: Iterator[bytes]) -> Callable[[bytes], bool]:
    """Return whether a path is among `paths`; both are asked and given in a manifest's order."""
    there = next(paths, None)

    def among(path: bytes) -> bool:
        nonlocal there
        while there is not None and sort_key(there) < sort_key(path):
            there = next(paths, None)
        return there == path

    return among


def damaged_by_id(damages: Iterable[Damage], known: AbstractSet[str]) -> dict[str, int]:
    """Return how many damaged paths each of the `known` snapshots has."""
    counts: dict[str, int] = {}
    for damage in damages:
        for id_ in known & set(damage.snapshots):
            counts[id_] = counts.get(id_, 0) + 1
    return counts
