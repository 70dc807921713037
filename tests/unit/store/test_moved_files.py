"""Which new files are taken for ones that moved."""

from __future__ import annotations

import pytest

from backupjump.store.change_list import Change
from backupjump.store.draft import moved_files
from change_lines import OLD_NS, change, entry, listed

WAS = entry(b"h/was")
NOW = listed(entry(b"h/now"))


@pytest.mark.parametrize(
    ("here", "there"),
    [
        (None, NOW),
        (listed(WAS, ino=78, size=9), NOW),
        (listed(WAS, type="dir", size=0), NOW),
    ],
    ids=["nothing is left", "another file is there", "a folder is there"],
)
def test_a_file_of_the_same_inode_size_and_time_has_moved(here: object, there: object) -> None:
    changes = [change(WAS, here), change(None, there)]  # type: ignore[arg-type]

    assert moved_files(changes, most=10) == {b"h/now": WAS}


@pytest.mark.parametrize(
    "changes",
    [
        [change(WAS, None), change(None, listed(entry(b"h/now"), size=8))],
        [change(WAS, None), change(None, listed(entry(b"h/now"), mtime_ns=OLD_NS + 1))],
        [change(WAS, None), change(None, listed(entry(b"h/now"), ino=78))],
        [change(WAS, None), change(None, listed(entry(b"h/now"), dev=3))],
        [change(WAS, listed(WAS, nlink=2)), change(None, listed(entry(b"h/now"), nlink=2))],
        [change(entry(b"h/was", source=None), None), change(None, NOW)],
        [change(entry(b"h/was", size=0), None), change(None, listed(entry(b"h/now", size=0)))],
        [change(WAS, None), change(entry(b"h/now", source=None), NOW)],
        # The copy at the old path would be linked to what was there, too, and the two be one file.
        [change(WAS, listed(WAS, ino=78)), change(None, NOW)],
        [change(WAS, None), change(entry(b"h/was2"), listed(entry(b"h/was2"), ino=78)), change(None, NOW)],
    ],
    ids=[
        "another size",
        "another time",
        "another inode",
        "another disk",
        "one more name of it",
        "no inode known",
        "an empty file",
        "a file was there before",
        "a copy is at its old path",
        "a copy is at another path that it had",
    ],
)
def test_another_file_is_not_taken_for_it(changes: list[Change]) -> None:
    assert moved_files(changes, most=10) == {}


def test_of_very_many_files_that_went_only_some_are_found_again() -> None:
    olds = [entry(b"h/was%d" % number, source=(100 + number, OLD_NS, 1)) for number in range(5)]
    gone = [change(old, None) for old in olds]
    came = [change(None, listed(old, path=old.path + b"x")) for old in olds]

    assert len(moved_files([*gone, *came], most=3)) == 3
