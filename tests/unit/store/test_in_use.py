"""A snapshot that somebody reads is passed over by a prune."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from backupjump.errors import StoreError
from backupjump.store.in_use import in_use, unused
from backupjump.store.lock import locked
from backupjump.store.snapshots import list_snapshots
from backupjump.store.trash import throw_away
from program import until
from store_world import a_few_files, make_store, take


def test_what_is_in_use_stays_and_the_others_go(tmp_path: Path) -> None:
    folder = make_store(tmp_path / "store")
    ids = [take(folder, a_few_files).snapshot.id for _ in range(3)]

    with in_use(folder.snapshots / ids[1]), in_use(folder.snapshots / ids[1]), locked(folder):
        gone = throw_away(folder, ids)
    left = [snapshot.id for snapshot in list_snapshots(folder)]
    with locked(folder):
        later = throw_away(folder, left)

    assert (gone, left, later) == ((ids[0], ids[2]), [ids[1]], (ids[1],))


def test_a_snapshot_that_is_pruned_between_the_list_and_its_use_is_said_to_be_gone(tmp_path: Path) -> None:
    folder = make_store(tmp_path / "store")
    snapshot = take(folder, a_few_files).snapshot
    with locked(folder):
        throw_away(folder, [snapshot.id])

    with pytest.raises(StoreError, match="pruned since it was listed") as caught, in_use(snapshot.path):
        pass

    assert caught.value.hint == "choose another one: backupjump snapshots nightly"


def test_a_snapshot_that_is_moved_while_its_reader_waits_for_the_lock_is_gone_too(tmp_path: Path) -> None:
    """Without the second look the reader would hold what lies in the trash."""
    one = tmp_path / "job/snapshots/one"
    one.mkdir(parents=True)

    def read() -> None:
        with in_use(one):
            pass

    with ThreadPoolExecutor() as pool:
        with unused(one) as free:
            assert free
            reader = pool.submit(read)
            until(lambda: one_waits_for(one), what="a reader that waits")
            one.rename(tmp_path / "trash")
            one.mkdir()
        with pytest.raises(StoreError, match="pruned since it was listed"):
            reader.result()


def one_waits_for(path: Path) -> bool:
    lines = Path("/proc/locks").read_text().splitlines()
    return any("->" in line and f":{path.stat().st_ino} " in line for line in lines)
