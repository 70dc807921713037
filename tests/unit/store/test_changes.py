"""What differs between two manifests: every path once, told apart by what became of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupjump.store.changes import Change, Moves, changes, differing
from backupjump.store.folder_changes import FolderChanges, summed
from backupjump.store.manifest import Entry, sort_key, to_line

FILE = Entry(path=b"f", type="file", mode=0o644, uid=0, gid=0, size=3, mtime_ns=1, ino=1, hash="xxh128:a")
DIR = replace(FILE, type="dir", hash=None, size=0)
LINK = replace(FILE, type="symlink", hash=None, target=b"a")

NAMES = st.sampled_from((b"a", b"a.x", b"a b", b"\xff", b"new\nline", b"z"))
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(b"/".join)
STATES = st.sampled_from(
    (FILE, replace(FILE, ino=2), replace(FILE, hash="xxh128:b"), replace(FILE, mode=0o600), DIR, LINK)
)
TREES = st.dictionaries(PATHS, STATES, max_size=20)


def listed(tree: dict[bytes, Entry]) -> list[Entry]:
    return sorted((replace(each, path=path) for path, each in tree.items()), key=lambda each: sort_key(each.path))


def between(before: list[Entry], after: list[Entry]) -> list[Change]:
    def pairs() -> list[tuple[Entry | None, Entry | None]]:
        return list(differing(map(to_line, before), map(to_line, after)))

    return list(changes(pairs(), Moves(pairs())))


@given(TREES, TREES)
def test_what_differs_is_what_either_side_says_otherwise_in_the_order_of_a_manifest(
    before: dict[bytes, Entry], after: dict[bytes, Entry]
) -> None:
    found = list(differing(map(to_line, listed(before)), map(to_line, listed(after))))

    paths = sorted((path for path in before.keys() | after.keys() if before.get(path) != after.get(path)), key=sort_key)
    assert [(old or new).path for old, new in found] == paths  # type: ignore[union-attr]
    for path, (old, new) in zip(paths, found, strict=True):
        assert old == (replace(before[path], path=path) if path in before else None)
        assert new == (replace(after[path], path=path) if path in after else None)


@given(TREES, TREES)
def test_the_changes_lead_from_the_one_tree_to_the_other(before: dict[bytes, Entry], after: dict[bytes, Entry]) -> None:
    found = between(listed(before), listed(after))

    tree = {each.path: each for each in listed(before)}
    for change in found:
        if change.before is not None:
            tree.pop(change.before.path)
    for change in found:
        if change.now is not None:
            tree[change.now.path] = change.now

    def told(entries: list[Entry]) -> list[tuple[bytes, str, int, str | None]]:
        return [(each.path, each.type, each.mode, each.hash) for each in entries]

    assert told(sorted(tree.values(), key=lambda each: sort_key(each.path))) == told(listed(after))
    assert [change.path for change in found] == sorted((change.path for change in found), key=sort_key)
    assert summed(found).total == len(found)
    grown = sum(each.size for each in listed(after) if each.type == "file") - sum(
        each.size for each in listed(before) if each.type == "file"
    )
    assert summed(found).grown_bytes == grown


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (FILE, replace(FILE, hash="xxh128:b"), "changed"),
        (LINK, replace(LINK, target=b"b"), "changed"),
        (FILE, replace(FILE, mtime_ns=2), "metadata"),
        (FILE, replace(FILE, uid=1), "metadata"),
        (FILE, replace(FILE, xattrs="sha256:1"), "metadata"),
        (DIR, replace(DIR, mode=0o700), "metadata"),
        (FILE, LINK, "type"),
        (FILE, DIR, "type"),
        (FILE, replace(FILE, ino=9), None),
        (DIR, replace(DIR, mtime_ns=9), None),
        (FILE, replace(FILE, hash="md5:1"), None),
        (None, FILE, "new"),
        (FILE, None, "deleted"),
    ],
)
def test_content_and_metadata_are_told_apart(old: Entry | None, new: Entry | None, what: str | None) -> None:
    found = between([old] if old else [], [new] if new else [])

    assert [each.what for each in found] == ([what] if what else [])


def test_what_has_another_name_moved_each_file_once_and_an_empty_one_never() -> None:
    empty = replace(FILE, size=0, hash="xxh128:e")
    before = listed({b"old": FILE, b"old2": FILE, b"empty": empty, b"still": replace(FILE, hash="xxh128:c")})
    after = listed(
        {b"new": FILE, b"new2": FILE, b"new3": FILE, b"other": empty, b"still": replace(FILE, hash="xxh128:c")}
    )

    found = between(before, after)

    moved = [(each.before.path, each.path) for each in found if each.what == "moved" and each.before]
    assert moved == [(b"old", b"new"), (b"old2", b"new2")]
    assert [(each.what, each.path) for each in found if each.what != "moved"] == [
        ("deleted", b"empty"),
        ("new", b"new3"),
        ("new", b"other"),
    ]
    assert summed(found).folders == (FolderChanges(path=b"", new=2, moved=2, deleted=1, grown_bytes=3),)


def test_so_many_moves_are_kept_in_mind_and_then_it_says_so() -> None:
    gone: list[tuple[Entry | None, Entry | None]] = [(replace(FILE, path=b"%d" % number), None) for number in range(3)]

    assert Moves(gone, most=2).is_partial
    assert not Moves(gone[:2], most=2).is_partial
