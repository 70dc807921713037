"""Where two manifests differ, by folder, without keeping every folder in memory."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupjump.store.folder_changes import Changes, Example, FolderChanges, changes_between
from backupjump.store.manifest import Entry, sort_key

NAMES = st.sampled_from((b"a", b"b", b"a.x", b"\xff", b"c"))
PATHS = st.lists(NAMES, min_size=1, max_size=4).map(b"/".join)


def without_files_as_folders(tree: dict[bytes, str]) -> dict[bytes, str]:
    return {path: tree[path] for path in tree if not any(each.startswith(path + b"/") for each in tree)}


TREES = st.dictionaries(PATHS, st.sampled_from(("1", "2")), max_size=25).map(without_files_as_folders)


def entries(tree: dict[bytes, str]) -> list[Entry]:
    folders = {path[:at] for path in tree for at in range(len(path)) if path[at : at + 1] == b"/"}
    made = [Entry(path=path, type="dir", mode=0o755, uid=0, gid=0, size=0, mtime_ns=0, ino=1) for path in folders] + [
        Entry(path=path, type="file", mode=0o644, uid=0, gid=0, size=1, mtime_ns=0, ino=1, hash=f"xxh128:{content}")
        for path, content in tree.items()
    ]
    return sorted(made, key=lambda each: sort_key(each.path))


@given(TREES, TREES)
def test_each_change_is_counted_in_its_own_folder(before: dict[bytes, str], after: dict[bytes, str]) -> None:
    found = changes_between(entries(before), entries(after))

    expected: Counter[tuple[bytes, str]] = Counter()
    for path in before.keys() | after.keys():
        if before.get(path) != after.get(path):
            what = "new" if path not in before else "deleted" if path not in after else "changed"
            expected[path.rpartition(b"/")[0], what] += 1
    counted = {
        (each.path, what): getattr(each, what)
        for each in found.folders
        for what in ("new", "changed", "deleted")
        if getattr(each, what)
    }
    assert (found.new, found.changed, found.deleted) == tuple(
        sum(count for (_folder, each), count in expected.items() if each == what)
        for what in ("new", "changed", "deleted")
    )
    if len({folder for folder, _what in expected}) <= 10:
        assert counted == expected
    else:
        assert len(found.folders) == 10
        assert all(expected[key] == count for key, count in counted.items())
    totals = [each.total for each in found.folders]
    assert totals == sorted(totals, reverse=True)


@pytest.mark.parametrize("folders", [3, 30])
def test_the_folders_with_most_changes_come_first(folders: int) -> None:
    before = {b"f%d/%d" % (folder, file): "1" for folder in range(folders) for file in range(folder + 1)}

    found = changes_between(entries(before), [])

    assert found.folders[0] == FolderChanges(path=b"f%d" % (folders - 1), deleted=folders)
    assert len(found.folders) == min(folders, 10)
    assert found.examples == tuple(Example(what="deleted", path=path) for path in (b"f0/0", b"f1/0", b"f1/1"))


def test_two_snapshots_that_are_equal_have_no_changes() -> None:
    tree = entries({b"home/me/a": "1"})

    assert changes_between(tree, tree) == Changes(new=0, changed=0, deleted=0, folders=(), examples=())
