"""A half-written file gets the end of the version before it, and nothing else gets anything."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupjump.store.partials import adopt_partials
from backupjump.store.splice import complete_from
from backupjump.store.stage import stage
from backupjump.store.staging import Staging
from fingerprint import fingerprint
from store_world import attempt, make_store, opened, take, write
from unit.store.test_partials import partial

BIG = Path("home/big")


@given(old=st.binary(max_size=60), half=st.binary(max_size=60))
def test_it_is_its_own_beginning_and_the_older_one_s_end(
    tmp_path_factory: pytest.TempPathFactory, old: bytes, half: bytes
) -> None:
    folder = tmp_path_factory.mktemp("splice")
    write(folder / "base" / BIG, old)
    new = write(folder / "new", half)

    complete_from([folder / "nothing", folder / "base"], BIG, new)

    assert new.read_bytes() == half + old[len(half) :]
    assert (folder / "base" / BIG).read_bytes() == old


def test_holes_stay_holes(tmp_path: Path) -> None:
    old = write(tmp_path / "base" / BIG, b"head")
    os.truncate(old, 64 << 20)
    with old.open("r+b") as file:
        file.seek(40 << 20)
        file.write(b"middle")
    new = write(tmp_path / "new", b"HE")

    complete_from([tmp_path / "base"], BIG, new)

    with old.open("rb") as one, new.open("rb") as other:
        assert one.read()[2:] == other.read()[2:]
    assert new.stat().st_blocks * 512 < 1 << 20


def test_what_a_snapshot_may_share_is_never_written_into(tmp_path: Path) -> None:
    write(tmp_path / "base" / BIG, b"old version")
    shared = write(tmp_path / "shared", b"half")
    (tmp_path / "its other name").hardlink_to(shared)

    complete_from([tmp_path / "base"], BIG, shared)

    assert shared.read_bytes() == b"half"


@pytest.mark.parametrize("link", [Path("home"), BIG])
def test_no_link_that_a_desktop_put_there_is_followed(tmp_path: Path, link: Path) -> None:
    """Else rsync would compare a file of this Server with the Desktop's, block by block."""
    secret = write(tmp_path / "server" / "big", b"a secret of this Server")
    (tmp_path / "base" / link).parent.mkdir(parents=True)
    (tmp_path / "base" / link).symlink_to(secret if link == BIG else secret.parent)
    new = write(tmp_path / "new", b"half")

    complete_from([tmp_path / "base"], BIG, new)

    assert new.read_bytes() == b"half"


def test_what_is_no_file_in_the_older_snapshot_adds_nothing(tmp_path: Path) -> None:
    (tmp_path / "folder" / BIG).mkdir(parents=True)
    (tmp_path / "fifo/home").mkdir(parents=True)
    os.mkfifo(tmp_path / "fifo" / BIG)
    new = write(tmp_path / "new", b"half")

    for tree in ("folder", "fifo"):
        complete_from([tmp_path / tree], BIG, new)

    assert new.read_bytes() == b"half"


def test_an_attempt_that_goes_on_has_the_older_end_and_the_snapshot_is_as_it_was(tmp_path: Path) -> None:
    folder = make_store(tmp_path / "store")
    snapshot = take(folder, lambda staging: write(staging.tree / "home/me/big", b"old version")).snapshot
    before = fingerprint(snapshot.path)

    def cut(staging: Staging) -> None:
        partial(staging.tree / "home/me", content=b"NEW")
        partial(staging.tree / "home/me", name="other", content=b"NEW")

    attempt(folder, cut)
    with opened(folder) as store:
        staging = stage(store, folder, sources=("/home/me",), run_id="r2")

    found = {path.name: path.read_bytes() for path in (staging.tree / "home/me").glob("*/*")}
    assert found == {"big": b"NEW version", "other": b"NEW"}
    assert fingerprint(snapshot.path) == before


def test_without_an_older_snapshot_it_stays_as_it_is(tmp_path: Path) -> None:
    partial(tmp_path / "attempt")
    (tmp_path / "tree").mkdir()

    adopt_partials(tmp_path / "attempt", tmp_path / "tree")

    assert [path.read_bytes() for path in (tmp_path / "tree").glob("*/*")] == [b"half"]
