"""Seeding snapshots on real file systems, in both kinds of store: what is in them, and that nothing changes it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import xxhash

from backupjump.config.models import PARTIAL_FOLDER, StoreKind
from backupjump.rsync.checksums import Checksums
from backupjump.store.layout import JobFolder
from backupjump.store.manifest import read_manifest
from backupjump.store.marker import Marker
from backupjump.store.marks import Hold, read_marks, write_marks
from backupjump.store.seeding import Told, publish_seeding
from backupjump.store.settled import settle
from backupjump.store.snapshots import Snapshot, list_snapshots
from backupjump.store.stage import stage
from backupjump.store.verify.differences import Rules
from backupjump.store.verify.tree import Looker
from fingerprint import Print, fingerprint
from lab.filesystems import disk
from rsync_world import remote_shell
from seeding_world import BROKEN_OFF, broken_session, whole_session
from store_world import AT, MARKER, WRITTEN_AT, make_store, opened, write

pytestmark = [pytest.mark.lab, pytest.mark.needs_root]

MEGABYTE = 1_000_000
FILES = 30
SLOW = {"bwlimit": 8 * MEGABYTE}


@pytest.fixture(params=[("ext4", StoreKind.HARDLINK), ("btrfs", StoreKind.BTRFS)], ids=["ext4", "btrfs"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[JobFolder]:
    filesystem, kind = request.param
    with disk(filesystem, tmp_path / "disk", mebibytes=512) as made:
        yield make_store(made.folder / "store", kind=kind)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    for number in range(FILES):
        write(home / f"folder{number % 3}" / f"file{number:02}", os.urandom(MEGABYTE), mode=0o600 + number % 8)
    write(home / "folder0/one", b"one file")
    (home / "folder0/two").hardlink_to(home / "folder0/one")
    (home / "folder1/link").symlink_to("nowhere")
    os.setxattr(home / "folder1", "user.kept", b"of a folder")
    (home / "folder2/empty").mkdir(mode=0o555)
    write(home / "folder1/zlarge", os.urandom(20 * MEGABYTE))
    return home


@pytest.fixture
def shell(tmp_path: Path) -> tuple[str, ...]:
    return remote_shell(tmp_path)


def files_in(snapshot: Snapshot, home: Path) -> dict[str, Print]:
    """Return the prints of the files in a snapshot, which must be what its manifest says; no half-written ones."""
    found = Looker(Rules.of(marker_of(snapshot))).look(snapshot)
    assert list(found) == []
    prints = fingerprint(snapshot.tree / home.relative_to("/"))
    assert not any(PARTIAL_FOLDER in path for path in prints)
    root = str(home.relative_to("/"))
    listed = {os.fsdecode(entry.path) for entry in read_manifest(snapshot.manifest)}
    assert listed == {root if path == "." else f"{root}/{path}" for path in prints}
    return {path: replace(each, same_file_as=()) for path, each in prints.items() if each.mode[0] != "d"}


def marker_of(snapshot: Snapshot) -> Marker:
    kind = StoreKind.BTRFS if "btrfs" in str(snapshot.path) else StoreKind.HARDLINK
    return replace(MARKER, kind=kind)


def source_files(home: Path) -> dict[str, Print]:
    return {path: replace(each, same_file_as=()) for path, each in fingerprint(home).items() if each.mode[0] != "d"}


def test_three_sessions_each_publish_more_and_no_later_rsync_changes_any_of_it(
    folder: JobFolder, home: Path, shell: tuple[str, ...]
) -> None:
    source, seen, kept = source_files(home), list[int](), dict[Path, dict[str, Print]]()
    for number, after in enumerate((6, 6, 6)):
        found = broken_session(folder, shell, home, after=after * MEGABYTE, hours=number, **SLOW)
        assert found is not None
        write_marks(folder, read_marks(folder).held(found.id, Hold()))
        files = files_in(found, home)
        assert files.items() <= source.items()
        assert {path: fingerprint(path) for path in kept} == kept
        seen.append(len(files))
        kept[found.path] = fingerprint(found.path)
        for each in list_snapshots(folder):
            kept[each.path] = fingerprint(each.path)

    last = whole_session(folder, shell, home, hours=4)

    assert 0 < seen[0] <= seen[1] <= seen[2] < len(source)
    assert last.run.bytes_received < 34 * MEGABYTE
    assert {path: fingerprint(path) for path in kept} == kept
    assert fingerprint(last.snapshot.tree / home.relative_to("/")) == fingerprint(home)


def test_a_file_that_has_its_content_and_not_yet_its_attributes_waits_for_the_next_session(tmp_path: Path) -> None:
    with disk("btrfs", tmp_path / "disk", mebibytes=512) as made:
        job, told = make_store(made.folder / "store", kind=StoreKind.BTRFS), Checksums()
        with opened(job) as store:
            staging = stage(store, job, sources=("/home/me",), run_id="r1", now=AT)
            for name, mtime in (
                ("whole", WRITTEN_AT),
                ("just written", time.time()),
                ("of next year", time.time() + 3e7),
            ):
                path = write(staging.tree / "home/me" / name, name.encode())
                os.utime(path, (mtime, mtime))
                told.note(b"home/me/" + name.encode(), xxhash.xxh3_128(name.encode()).hexdigest())
            settle(store, job, staging.path)

            found = publish_seeding(
                store,
                staging,
                run=BROKEN_OFF,
                hashes=Told([(staging.tree, told)]),
                how={},
                now=AT + timedelta(minutes=1),
            )

        assert found is not None
        assert {path.name for path in (found.tree / "home/me").iterdir()} == {"whole", "of next year"}


def test_a_file_that_was_cut_in_its_midst_is_not_in_it_and_is_gone_on_with(
    folder: JobFolder, home: Path, shell: tuple[str, ...]
) -> None:
    found = broken_session(folder, shell, home, after=24 * MEGABYTE, hours=0, **SLOW)
    assert found is not None
    files = files_in(found, home)

    last = whole_session(folder, shell, home, hours=1)

    assert "folder1/zlarge" not in files
    assert len(files) >= 2 * FILES / 3
    assert last.run.bytes_received < 28 * MEGABYTE
    assert fingerprint(last.snapshot.tree / home.relative_to("/")) == fingerprint(home)
    assert [each.id for each in list_snapshots(folder)] == [last.snapshot.id]
