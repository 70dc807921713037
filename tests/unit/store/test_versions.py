"""The contents that a path has had: which are one version, since when, until when, and when the path was gone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupjump.run import Status
from backupjump.store.manifest import Entry
from backupjump.store.snapshots import Snapshot
from backupjump.store.versions import Version, versions_in
from store_world import AT

FILE = Entry(path=b"f", type="file", mode=0o644, uid=0, gid=0, size=1, mtime_ns=1, ino=1, hash="xxh128:a")
OTHER = replace(FILE, hash="xxh128:b", mtime_ns=2)


def snapshot(number: int, status: Status = Status.OK) -> Snapshot:
    taken_at = AT + timedelta(days=number)
    return Snapshot(id=f"s{number}", path=Path("/s"), desktop="d", job="j", status=status, taken_at=taken_at)


def seen_in(*entries: Entry | None) -> tuple[Version, ...]:
    return versions_in((snapshot(number), entry) for number, entry in enumerate(entries))


def ids(snapshots: tuple[Snapshot, ...]) -> list[str]:
    return [each.id for each in snapshots]


def test_a_content_that_comes_back_is_the_version_that_it_was() -> None:
    first, second = seen_in(FILE, OTHER, FILE, None, FILE, None)

    assert (ids(first.snapshots), ids(second.snapshots)) == (["s0", "s2", "s4"], ["s1"])
    assert (ids(first.gone_in), ids(second.gone_in)) == (["s3", "s5"], [])


@pytest.mark.parametrize(
    "changed",
    [{"mode": 0o600}, {"uid": 1}, {"gid": 1}, {"mtime_ns": 9}, {"xattrs": "sha256:1"}],
    ids=lambda each: next(iter(each)),
)
def test_another_owner_mode_or_time_is_no_other_version_but_is_told(changed: dict[str, int | str]) -> None:
    (version,) = seen_in(FILE, replace(FILE, **changed), replace(FILE, **changed))  # type: ignore[arg-type]

    assert ids(version.snapshots) == ["s0", "s1", "s2"]
    assert ids(version.metadata_changed_in) == ["s1"]
    assert version.entry == replace(FILE, **changed)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("one", "other", "count"),
    [
        (FILE, replace(FILE, type="dir", hash=None), 2),
        (
            replace(FILE, type="symlink", hash=None, target=b"a"),
            replace(FILE, type="symlink", hash=None, target=b"b"),
            2,
        ),
        (
            replace(FILE, type="symlink", hash=None, target=b"a"),
            replace(FILE, type="symlink", hash=None, target=b"a"),
            1,
        ),
        (replace(FILE, type="char", rdev=(1, 2)), replace(FILE, type="char", rdev=(1, 3)), 2),
        (replace(FILE, type="dir", mtime_ns=1), replace(FILE, type="dir", mtime_ns=2), 1),
        (FILE, replace(FILE, hash="md5:9"), 1),
        (FILE, replace(FILE, hash="md5:9", size=2), 2),
        (FILE, replace(FILE, hash=None), 1),
    ],
    ids=["type", "target", "same target", "device", "folder", "algorithm", "algorithm and size", "no hash"],
)
def test_what_makes_another_version(one: Entry, other: Entry, count: int) -> None:
    assert len(seen_in(one, other)) == count


def test_only_what_nobody_has_called_right_is_doubtful() -> None:
    suspect = snapshot(1, Status.SUSPECT)

    for snapshots, doubtful in (
        ((suspect,), True),
        ((replace(suspect, acked=True),), False),
        ((suspect, snapshot(2)), False),
    ):
        (version,) = versions_in((each, FILE) for each in snapshots)
        assert version.only_doubtful is doubtful


@given(st.lists(st.sampled_from((None, "a", "b", "c")), max_size=30))
def test_every_snapshot_that_has_the_path_is_in_one_version_and_every_other_is_not(contents: list[str | None]) -> None:
    found = seen_in(*(replace(FILE, hash=f"xxh128:{each}") if each else None for each in contents))

    told = {each.id: version.entry.hash for version in found for each in version.snapshots}
    assert told == {f"s{at}": f"xxh128:{each}" for at, each in enumerate(contents) if each is not None}
    assert len(found) == len(set(contents) - {None})
    gone = sorted(each.id for version in found for each in version.gone_in)
    assert gone == sorted(f"s{at}" for at in range(1, len(contents)) if contents[at] is None and contents[at - 1])
    assert [version.first.taken_at for version in found] == sorted(version.first.taken_at for version in found)
