"""Which part of a job's content is read next, and that all of it is read in 50 runs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupjump.run import Status
from backupjump.store.layout import snapshot_id
from backupjump.store.manifest import Entry
from backupjump.store.marks import Marks
from backupjump.store.snapshots import Snapshot
from backupjump.store.verify.parts import BUCKETS, Looked, bucket_of, content_bytes, due_parts, marked, own_paths

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
OLD, NEW = "2026-11-20T02-30-00Z", "2026-11-21T02-30-00Z"


def snapshot(at: datetime, *, total: int = 0, new: int = 0) -> Snapshot:
    return Snapshot(
        id=snapshot_id(at),
        path=Path(),
        desktop="d",
        job="j",
        status=Status.OK,
        taken_at=at,
        bytes_total=total,
        bytes_new=new,
    )


def daily(count: int) -> list[Snapshot]:
    return [snapshot(NOW - timedelta(days=count - number), total=1000, new=10) for number in range(count)]


def entry(path: bytes, ino: int) -> Entry:
    return Entry(path=path, type="file", mode=0o644, uid=0, gid=0, size=1, mtime_ns=0, ino=ino)


def keys(parts: Iterable[object]) -> list[str]:
    return [part.key for part in parts]  # type: ignore[attr-defined]


def test_a_bucket_that_was_never_read_comes_first_then_the_one_that_was_read_longest_ago() -> None:
    snapshots = daily(3)
    read = {str(bucket): NOW - timedelta(hours=bucket) for bucket in range(BUCKETS)}
    del read["7"]

    due = keys(due_parts(snapshots, read, now=NOW))

    assert due[0] == "7"
    assert due[1:3] == [snapshots[0].id, "63"]
    assert due[-1] == "0"
    assert sorted(due) == sorted([*map(str, range(BUCKETS)), snapshots[0].id, snapshots[1].id])


def test_a_time_to_come_counts_as_never() -> None:
    read = {str(bucket): NOW - timedelta(hours=1) for bucket in range(BUCKETS)} | {"5": NOW + timedelta(days=300)}

    assert keys(due_parts(daily(1), read, now=NOW))[0] == "5"


def test_a_job_without_snapshots_has_nothing_to_read() -> None:
    assert due_parts([], {}, now=NOW) == ()
    assert content_bytes([]) == 0


def test_a_path_is_in_the_same_bucket_in_every_snapshot() -> None:
    assert bucket_of(b"home/me/notes.txt") == bucket_of(b"home/me/notes.txt")
    assert {bucket_of(b"%d" % number) for number in range(5000)} == set(range(BUCKETS))


def test_what_an_older_snapshot_alone_holds_is_what_the_newer_one_has_not_linked() -> None:
    older = [entry(b"a", 1), entry(b"b", 2), entry(b"b/c", 3), entry(b"b.d", 4), entry(b"z", 5)]
    newer = [entry(b"a", 1), entry(b"b", 9), entry(b"b/c", 3), entry(b"c", 4)]

    assert list(own_paths(older, newer)) == [b"b", b"b.d", b"z"]


@pytest.mark.parametrize("churn", [0.0, 0.01, 0.05, 0.5])
def test_a_job_that_changes_much_comes_around_all_the_same(churn: float) -> None:
    """A simulation: each run reads 2 % of all, then a new snapshot comes that changes a share of the newest."""
    size = 64_000
    snapshots = [snapshot(NOW, total=size)]
    read: dict[str, datetime] = {}
    for run in range(1, 61):
        now = NOW + timedelta(days=run)
        budget, done = content_bytes(snapshots) * 0.02, 0.0
        for part in due_parts(snapshots, read, now=now):
            if done >= budget:
                break
            done += size / BUCKETS if part.bucket is not None else size * churn
            read[part.key] = now
        snapshots = [*snapshots, snapshot(now, total=size, new=int(size * churn))]

    last = NOW + timedelta(days=60)
    unread = [key for key in map(str, range(BUCKETS)) if read.get(key, NOW) < last - timedelta(days=52)]
    assert unread == []


@given(st.lists(st.integers(0, 5000), min_size=1, max_size=40))
def test_reading_two_percent_and_the_part_that_goes_over_it_reads_all_in_50_runs(own_sizes: list[int]) -> None:
    snapshots = [
        snapshot(NOW - timedelta(days=len(own_sizes) - number), total=64_000, new=size)
        for number, size in enumerate(own_sizes)
    ]
    sizes = {str(bucket): 1000 for bucket in range(BUCKETS)}
    sizes |= {older.id: newer.bytes_new for older, newer in pairwise(snapshots)}
    read: dict[str, datetime] = {}

    for run in range(1, 51):
        done = 0
        for part in due_parts(snapshots, read, now=NOW + timedelta(days=run)):
            if done >= content_bytes(snapshots) * 0.02:
                break
            done += sizes[part.key]
            read[part.key] = NOW + timedelta(days=run)

    assert read.keys() == sizes.keys()


MARKS = Marks(damage={OLD: 3, NEW: 1}, verified_at={OLD: NOW - timedelta(days=9)}, parts_at={"1": NOW})


def test_what_nothing_can_heal_is_given_up_until_more_is_found_or_it_is_sound_again() -> None:
    tried = marked(MARKS, Looked(whole=frozenset({OLD}), damaged={OLD: 3}, healed={}, hopeless={OLD: 2}), now=NOW)
    more = marked(tried, Looked(parts=frozenset({"3"}), damaged={OLD: 4}, healed={}), now=NOW)
    sound = marked(tried, Looked(whole=frozenset({OLD}), damaged={}, healed={}), now=NOW)

    assert [each.given_up for each in (tried, more, sound)] == [{OLD: 2}, {OLD: 2}, {}]
    assert Marks.from_json(tried.to_json()) == tried


@pytest.mark.parametrize(
    ("looked", "damage"),
    [
        (Looked(whole=frozenset({NEW}), damaged={}, healed={}), {OLD: 3}),
        (Looked(whole=frozenset({NEW}), damaged={NEW: 2, OLD: 2}, healed={}), {OLD: 3, NEW: 2}),
        (Looked(whole=frozenset({NEW}), damaged={}, healed={NEW: 1, OLD: 1}), {OLD: 2}),
        (Looked(whole=frozenset({OLD, NEW}), damaged={}, healed={NEW: 1, OLD: 3}), {}),
        (Looked(parts=frozenset({"3"}), damaged={}, healed={}), {OLD: 3, NEW: 1}),
        (Looked(parts=frozenset({"3"}), damaged={NEW: 4}, healed={}), {OLD: 3, NEW: 4}),
    ],
)
def test_only_a_look_at_the_whole_of_a_snapshot_finds_it_sound_again(looked: Looked, damage: dict[str, int]) -> None:
    marks = marked(MARKS, looked, now=NOW)

    assert marks.damage == damage
    assert (marks.verified_at.get(NEW) == NOW) == (NEW in looked.whole and NEW not in damage)
    assert marks.parts_at == {"1": NOW} | dict.fromkeys(looked.parts, NOW)


def test_a_drill_that_went_well_is_noted() -> None:
    nothing = Looked(damaged={}, healed={})

    assert marked(MARKS, nothing, now=NOW, drilled=True).drilled_at == NOW
    assert marked(replace(MARKS, drilled_at=NOW), nothing, now=NOW + timedelta(days=1)).drilled_at == NOW
