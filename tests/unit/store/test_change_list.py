"""What a list and a manifest come to, side by side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupjump.store.change_list import Change, compare, same_in, settled_source
from backupjump.store.manifest import Entry, sort_key, to_line
from backupjump.store.source_entry import SourceEntry
from change_lines import NOW_NS, OLD_NS, entry, folder, list_line, listed

SAME = same_in(owners=True, nanoseconds=True)
FILE = entry(b"home/me/a")


def compared(before: Iterable[Entry], now: Iterable[SourceEntry]) -> list[str | Change]:
    return list(compare(map(to_line, before), map(list_line, now), same=SAME))


@pytest.mark.parametrize(
    "differs",
    [
        {"ino": 78},
        {"ctime_ns": OLD_NS + 1},
        {"nlink": 2},
        {"mode": 0o600},
        {"uid": 0},
        {"gid": 0},
        {"size": 8},
        {"mtime_ns": OLD_NS + 1},
        {"type": "fifo", "size": 0},
        {"dev": 5},
    ],
    ids=str,
)
def test_what_differs_in_any_field_has_changed(differs: dict[str, object]) -> None:
    now = listed(FILE, **differs)

    assert compared([FILE], [now]) == [Change(FILE.path, FILE, now)]


def test_what_is_equal_in_all_fields_is_the_manifests_own_line() -> None:
    assert compared([FILE], [listed(FILE)]) == [to_line(FILE)]


def test_what_has_no_source_in_the_manifest_has_changed() -> None:
    before = replace(FILE, source=None)
    now = listed(FILE)

    assert compared([before], [now]) == [Change(FILE.path, before, now)]


def test_what_could_not_be_looked_into_has_changed_each_time() -> None:
    before = folder(b"home/me")
    now = listed(before, unreadable=True)

    assert compared([before], [now]) == [Change(before.path, before, now)]


@pytest.mark.parametrize(
    ("owners", "nanoseconds", "differs", "same"),
    [
        (False, True, {"uid": 0, "gid": 0}, True),
        (True, True, {"uid": 0}, False),
        (True, False, {"mtime_ns": OLD_NS + 1}, True),
        (True, False, {"mtime_ns": OLD_NS + 1_000_000_000}, False),
        (True, True, {"mtime_ns": OLD_NS + 1}, False),
    ],
)
def test_what_a_store_does_not_keep_is_not_compared(
    *, owners: bool, nanoseconds: bool, differs: dict[str, object], same: bool
) -> None:
    assert same_in(owners=owners, nanoseconds=nanoseconds)(FILE, listed(FILE, **differs)) is same


@pytest.mark.parametrize(
    ("more", "differs"),
    [
        ({"ino": 9, "ctime_ns": 3, "nlink": 2}, False),
        ({"uid": 0, "gid": 0}, False),
        ({"mode": 0o600}, True),
        ({"size": 8}, True),
        ({"mtime_ns": OLD_NS + 999_999_999}, False),
        ({"mtime_ns": OLD_NS + 1_000_000_000}, True),
        ({"type": "fifo"}, True),
    ],
    ids=str,
)
def test_what_no_store_need_keep_is_nothing_to_wait_for(more: dict[str, object], *, differs: bool) -> None:
    assert Change(FILE.path, FILE, listed(FILE, **more)).differs is differs


def test_a_fraction_of_a_second_differs_where_the_store_has_them() -> None:
    old = entry(b"home/me/a", mtime_ns=OLD_NS + 1)

    assert Change(old.path, old, listed(old, mtime_ns=OLD_NS + 2)).differs


@pytest.mark.parametrize(
    "names",
    [[b"h/b", b"h/a"], [b"h/a", b"h/a"], [b"h/a-b", b"h/a/b"], [b"h/c", b"h/b"]],
    ids=["backwards", "twice", "a folder's content late", "backwards behind the manifest"],
)
@pytest.mark.parametrize("before", [[], [b"h/a"], [b"h/z"]], ids=["no manifest", "an early one", "a late one"])
def test_a_list_out_of_order_is_refused(names: Sequence[bytes], before: Sequence[bytes]) -> None:
    with pytest.raises(ValueError, match="out of order"):
        compared(map(entry, before), [listed(entry(name), ctime_ns=1) for name in names])


@pytest.mark.parametrize("spoil", [str.upper, lambda line: line[:-3], lambda line: line.replace(",", ", ")])
def test_a_line_that_no_gate_writes_is_refused(spoil: object) -> None:
    assert callable(spoil)
    with pytest.raises(ValueError):
        list(compare([], [spoil(list_line(listed(FILE)))], same=SAME))


NAMES = st.lists(st.sampled_from([b"a", b"a-", b"a.", b"b", b"b\n", b"\xff", b"c"]), min_size=1, max_size=3).map(
    b"/".join
)
STATES = st.builds(lambda size, ino: (size, (ino, OLD_NS, 1)), st.integers(0, 1), st.integers(1, 2))
TREES = st.dictionaries(NAMES, STATES, max_size=12)


@given(before=TREES, now=TREES)
def test_two_lists_side_by_side_come_to_what_two_tables_do(
    before: dict[bytes, tuple[int, tuple[int, int, int]]], now: dict[bytes, tuple[int, tuple[int, int, int]]]
) -> None:
    olds = {path: entry(path, size=size, source=source) for path, (size, source) in before.items()}
    news = {path: listed(entry(path, size=size, source=source)) for path, (size, source) in now.items()}
    in_order = sorted(olds.keys() | news.keys(), key=sort_key)

    found = compared(
        [olds[path] for path in in_order if path in olds], [news[path] for path in in_order if path in news]
    )

    assert found == [
        to_line(olds[path]) if before.get(path) == now.get(path) else Change(path, olds.get(path), news.get(path))
        for path in in_order
    ]


@pytest.mark.parametrize(
    ("more", "kept"),
    [
        ({"ctime_ns": NOW_NS - 2_000_000_001}, True),
        ({"ctime_ns": NOW_NS - 2_000_000_000}, False),
        ({"ctime_ns": NOW_NS}, False),
        ({"ctime_ns": NOW_NS + 1}, False),
        ({"dev": 3}, False),
    ],
    ids=str,
)
def test_what_changed_within_two_seconds_of_the_list_is_looked_at_again(more: dict[str, int], *, kept: bool) -> None:
    now = listed(FILE, **more)

    assert settled_source(list_line(now), listed_at_ns=NOW_NS) == (now.source if kept else None)
