from __future__ import annotations

import os
import stat
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupjump.errors import RestoreRefused
from backupjump.operations.restore.decisions import Draft, Extra, Mode, Verdict, aside_name, decide
from backupjump.operations.snapshot_paths import parent, select, under
from backupjump.store.inode import TYPES
from backupjump.store.manifest import Entry, sort_key

if TYPE_CHECKING:
    from backupjump.store.manifest import EntryType

NEW_ONLY, KEEP_OLD, EXACT = Mode
KINDS: list[EntryType] = list(TYPES.values())


def entry(path: bytes, kind: EntryType = "file") -> Entry:
    return Entry(path=path, type=kind, mode=0o644, uid=0, gid=0, size=1, mtime_ns=0, ino=hash(path))


class Looked:
    """A target that is a table: path to type. What is not in it is not there."""

    def __init__(self, there: dict[bytes, EntryType]) -> None:
        self.there = there

    def look(self, path: bytes) -> os.stat_result | None:
        kind = self.there.get(path)
        modes = {name: mode for mode, name in TYPES.items()}
        return None if kind is None else os.stat_result((modes[kind], *[0] * 9))

    def names(self, path: bytes) -> list[bytes]:
        return sorted(each.rpartition(b"/")[2] for each in self.there if each != path and parent(each) == path)

    def measure(self, path: bytes) -> Extra:
        below = [each for each, kind in self.there.items() if kind != "dir" and (each == path or under(each, path))]
        return Extra(path=path, files=len(below), size_bytes=0)


@pytest.mark.parametrize(
    ("wanted", "there", "mode", "chosen", "expected"),
    [
        ("file", None, NEW_ONLY, True, Verdict.WRITE),
        ("dir", None, EXACT, False, Verdict.WRITE),
        ("file", "file", NEW_ONLY, True, Verdict.KEEP),
        ("file", "dir", NEW_ONLY, True, Verdict.KEEP),
        ("dir", "dir", NEW_ONLY, True, Verdict.KEEP),
        ("dir", "file", NEW_ONLY, True, Verdict.BLOCKED),
        ("file", "file", KEEP_OLD, True, Verdict.COMPARE),
        ("symlink", "symlink", EXACT, True, Verdict.COMPARE),
        ("file", "symlink", KEEP_OLD, True, Verdict.REPLACE),
        ("file", "dir", KEEP_OLD, True, Verdict.REPLACE),
        ("dir", "file", EXACT, True, Verdict.REPLACE),
        ("dir", "file", KEEP_OLD, False, Verdict.REPLACE),
        ("dir", "dir", KEEP_OLD, True, Verdict.UPDATE),
        ("dir", "dir", EXACT, False, Verdict.KEEP),
    ],
)
def test_what_becomes_of_an_entry(
    wanted: EntryType, there: EntryType | None, mode: Mode, chosen: bool, expected: Verdict
) -> None:
    assert decide(wanted, there, mode=mode, chosen=chosen) is expected


@given(st.sampled_from(KINDS), st.sampled_from(KINDS), st.booleans())
def test_new_only_never_touches_what_is_there(wanted: EntryType, there: EntryType, chosen: bool) -> None:
    assert decide(wanted, there, mode=NEW_ONLY, chosen=chosen) in (Verdict.KEEP, Verdict.BLOCKED)


@given(st.sampled_from(KINDS), st.sampled_from(KINDS), st.sampled_from([KEEP_OLD, EXACT]))
def test_the_other_modes_leave_nothing_chosen_as_it_is(wanted: EntryType, there: EntryType, mode: Mode) -> None:
    assert decide(wanted, there, mode=mode, chosen=True) in (Verdict.COMPARE, Verdict.REPLACE, Verdict.UPDATE)


def test_an_old_file_s_name_says_before_which_snapshot() -> None:
    assert aside_name(b"notes", "ID", taken=lambda _name: False) == b"notes.before-ID"


@given(st.binary(min_size=1, max_size=255), st.integers(0, 12))
def test_an_old_file_s_name_is_free_and_never_too_long(name: bytes, others: int) -> None:
    used: set[bytes] = set()
    for _number in range(others):
        used.add(aside_name(name, "2026-11-22T02-30-00Z", taken=used.__contains__))

    found = aside_name(name, "2026-11-22T02-30-00Z", taken=used.__contains__)

    assert len(used) == others
    assert found not in used
    assert len(found) <= 255


NAMES = st.sampled_from([b"a", b"b", b"a.b", b"-", b"\xff"])
PATHS = st.lists(NAMES, min_size=1, max_size=4).map(b"/".join)


@st.composite
def trees(draw: st.DrawFn) -> list[Entry]:
    """A manifest of the source `s`: every folder is listed before what is in it."""
    paths = {b"s", *(b"s/" + path for path in draw(st.sets(PATHS, max_size=12)))}
    folders = {folder for path in paths for folder in _folders(path)}
    return [
        entry(path, "dir" if path in folders else draw(st.sampled_from(["file", "dir", "symlink"])))
        for path in sorted(paths | folders, key=sort_key)
    ]


def _folders(path: bytes) -> set[bytes]:
    return {b"/".join(path.split(b"/")[:number]) for number in range(1, path.count(b"/") + 1)}


@given(trees(), st.sets(PATHS.map(lambda path: b"s/" + path), min_size=1, max_size=3))
def test_what_is_selected_is_at_or_below_a_wanted_path_or_a_folder_above_one(
    tree: list[Entry], wanted: set[bytes]
) -> None:
    found = {each.path: chosen for each, chosen in select(tree, wanted)}

    for each in tree:
        is_wanted = any(each.path == path or under(each.path, path) for path in wanted)
        is_above = any(under(path, each.path) for path in wanted)
        assert found.get(each.path) == (True if is_wanted else False if is_above else None)


@given(trees(), st.data(), st.sampled_from(Mode))
def test_every_entry_is_decided_on_once_and_what_is_there_is_never_forgotten(
    tree: list[Entry], data: st.DataObject, mode: Mode
) -> None:
    there = {each.path: each.type for each in tree if data.draw(st.booleans()) or each.path == b"s"}
    # A folder stands only where the folders above it stand.
    there = {path: kind for path, kind in there.items() if all(there.get(up) == "dir" for up in _folders(path))}
    there |= {b"s/extra": "file"} if there[b"s"] == "dir" else {}
    draft = Draft(mode=mode, target=Looked(there), devices=True)

    for each in tree:
        draft.add(each, chosen=True)
    draft.finish()

    decided = [*draft.absent, *draft.in_the_way, *draft.to_compare, *draft.folders]
    assert len({each.path for each in decided}) == len(decided)
    assert {each.path for each in draft.absent} == {each.path for each in tree} - there.keys()
    if mode is NEW_ONLY:
        assert decided == draft.absent
    else:
        assert len(decided) == len(tree)
    extras = {extra.path for extra in draft.extras}
    assert extras == ({b"s/extra"} & there.keys() if mode is EXACT else set())


def test_a_symlink_in_a_folder_s_place_is_refused_in_every_mode() -> None:
    for mode in Mode:
        draft = Draft(mode=mode, target=Looked({b"s": "symlink"}), devices=True)

        with pytest.raises(RestoreRefused, match="s below the target is a symlink"):
            draft.add(entry(b"s", "dir"), chosen=True)


def test_without_root_devices_are_counted_and_left_out() -> None:
    draft = Draft(mode=EXACT, target=Looked({b"s": "dir", b"s/disk": "block"}), devices=False)

    for each in (entry(b"s", "dir"), replace(entry(b"s/disk"), type="block"), entry(b"s/tty", "char")):
        draft.add(each, chosen=True)
    draft.finish()

    assert draft.skipped == 2
    assert draft.absent == draft.to_compare == draft.extras == []


def test_only_the_topmost_of_what_is_too_much_is_named() -> None:
    there: dict[bytes, EntryType] = {b"s": "dir", b"s/a": "dir", b"s/a/x": "file", b"s/b": "dir", b"s/b/y": "file"}
    draft = Draft(mode=EXACT, target=Looked(there), devices=True)

    draft.add(entry(b"s", "dir"), chosen=True)
    draft.add(entry(b"s/a", "dir"), chosen=True)
    draft.finish()

    assert sorted(extra.path for extra in draft.extras) == [b"s/a/x", b"s/b"]


def test_the_types_that_are_told_apart_are_those_of_a_manifest() -> None:
    assert {stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK} < set(TYPES)
