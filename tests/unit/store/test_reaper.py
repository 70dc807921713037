"""The trash is emptied by a thread that gives way to everything, and that is stopped with its caller."""

from __future__ import annotations

from pathlib import Path

import pytest

from backupjump.errors import StoreError
from backupjump.store.layout import JobFolder
from backupjump.store.reaper import reap
from backupjump.store.trash import empty_trash
from store_world import make_store, write


def filled(tmp_path: Path, *, files: int = 3) -> JobFolder:
    folder = make_store(tmp_path / "store")
    folder.make()
    for number in range(files):
        write(folder.trash / "2026-11-22T02-30-00Z" / "tree" / str(number))
    return folder


def test_it_deletes_what_is_there_and_needs_no_trash_to_be(tmp_path: Path) -> None:
    folder = filled(tmp_path)

    reap(folder)
    reap(JobFolder(folder.store, "desktop", "another"))

    assert list(folder.trash.iterdir()) == []


def test_what_can_t_be_deleted_is_told_and_keeps_nothing_else(tmp_path: Path) -> None:
    folder = filled(tmp_path)
    (folder.trash / "0 is no folder").touch()

    with pytest.raises(StoreError, match="the trash can't be emptied"):
        reap(folder)

    assert [path.name for path in folder.trash.iterdir()] == ["0 is no folder"]


@pytest.mark.parametrize("after", [0, 1, 2, 3, 4])
def test_a_stop_leaves_what_the_next_one_finishes(tmp_path: Path, after: int) -> None:
    folder = filled(tmp_path, files=5)
    asked = iter(range(100))

    empty_trash(folder, wait=True, stop=lambda: next(asked) > after)
    left = sum(1 for _ in folder.trash.rglob("*"))
    reap(folder)

    assert left > 0
    assert list(folder.trash.iterdir()) == []
