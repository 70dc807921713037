"""Rot in the snapshot that a run builds on: it must not go on into the new one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from backupjump.store.layout import JobFolder
from backupjump.store.manifest import read_manifest
from backupjump.store.marks import Marks, write_marks
from fingerprint import fingerprint
from store_world import make_store, rsync_from, take, write
from verify_world import rot

pytestmark = pytest.mark.lab


@pytest.mark.parametrize("source_changed", [False, True])
def test_a_run_that_compares_content_copies_what_has_rotted_in_its_base(tmp_path: Path, source_changed: bool) -> None:
    home = tmp_path / "home"
    file = write(home / "file", b"good" * 1000)
    write(home / "same")
    folder: JobFolder = make_store(tmp_path / "store")
    first = take(folder, rsync_from(home), sources=(str(home),)).snapshot
    rotten = first.tree / file.relative_to("/")
    rot(rotten)
    if source_changed:
        rot(file, bit=2)
        rot(file.parent / "same")
    before = fingerprint(first.tree)
    write_marks(folder, Marks(damage={first.id: 1}))

    second = take(folder, rsync_from(home, "--checksum"), sources=(str(home),)).snapshot

    assert fingerprint(second.tree / home.relative_to("/")) == fingerprint(home)
    assert fingerprint(first.tree) == before
    hashes = [{entry.path: entry.hash for entry in read_manifest(each.manifest)} for each in (first, second)]
    path = os.fsencode(file.relative_to("/"))
    assert (hashes[0][path] != hashes[1][path]) == source_changed


def test_a_run_that_compares_times_alone_links_to_what_has_rotted(tmp_path: Path) -> None:
    home = tmp_path / "home"
    file = write(home / "file", b"good" * 1000)
    folder = make_store(tmp_path / "store")
    first = take(folder, rsync_from(home), sources=(str(home),)).snapshot
    rot(first.tree / file.relative_to("/"))

    second = take(folder, rsync_from(home), sources=(str(home),)).snapshot

    assert (second.tree / file.relative_to("/")).read_bytes() != file.read_bytes()
