"""Opening a store: all that is refused before anything is written."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from backupjump.errors import NoStore, StoreError
from backupjump.store.lock import locked
from backupjump.store.marker import read_marker
from backupjump.store.store import open_store
from store_world import MARKER, make_store


@pytest.mark.parametrize("name", [".", "missing", "file"])
def test_what_is_no_store_is_refused_and_nothing_is_made(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(NoStore):
        open_store(tmp_path / name, uuid=None)

    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_an_open_store_knows_its_marker_and_syncs(tmp_path: Path) -> None:
    make_store(tmp_path)

    with open_store(tmp_path, uuid=MARKER.uuid) as store:
        store.sync()
        store.check_room()

        assert store.marker == read_marker(tmp_path)


def test_a_descriptor_that_can_not_be_synced_is_an_error(tmp_path: Path) -> None:
    make_store(tmp_path)
    store = open_store(tmp_path, uuid=None)
    store.close()

    with pytest.raises(StoreError, match="Bad file descriptor"):
        store.sync()


@pytest.fixture
def anyones_folder() -> Iterator[Path]:
    """A folder that other accounts can reach, which those below pytest's own are not."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.needs_root
def test_a_store_of_another_user_is_refused(anyones_folder: Path) -> None:
    make_store(anyones_folder)
    os.seteuid(65534)
    try:
        with pytest.raises(StoreError, match="can't be written by this user") as caught:
            open_store(anyones_folder, uuid=None)
    finally:
        os.seteuid(0)

    assert "as the user that made the store" in caught.value.hint


@pytest.mark.needs_root
@pytest.mark.parametrize("lost", ["", "desktop", "desktop/nightly", "desktop/nightly/lock"])
def test_what_is_not_ours_is_named_with_the_account_that_we_are(anyones_folder: Path, lost: str) -> None:
    """The account of the Server changed, or someone ran it as root once: a part of the store is another one's."""
    folder = make_store(anyones_folder / "store")
    with locked(folder):
        pass
    for path in [folder.store, *folder.store.rglob("*")]:
        os.chown(path, 65534, 65534)
    os.chown(folder.store / lost, 0, 0)
    (folder.store / lost).chmod(0o700)
    os.seteuid(65534)
    try:
        wrong = pytest.raises(StoreError, match=str(folder.store / lost))
        with wrong as caught, open_store(folder.store, uuid=None), locked(folder):
            pass
    finally:
        os.seteuid(0)

    assert "uid 65534" in str(caught.value) + caught.value.hint
