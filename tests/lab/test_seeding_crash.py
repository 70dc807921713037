"""Killed before any operation, a session of a first backup loses nothing that was published, nor leaves half of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from backupjump.config.models import PARTIAL_FOLDER, StoreKind
from backupjump.run import Status
from backupjump.store.layout import JobFolder
from backupjump.store.manifest import read_manifest, sha256_of
from backupjump.store.marker import write_marker
from backupjump.store.publish import publish, record
from backupjump.store.repair import mend
from backupjump.store.seeding import publish_seeding, retire_superseded
from backupjump.store.settled import settle
from backupjump.store.snapshots import list_snapshots
from backupjump.store.stage import stage
from backupjump.store.trash import empty_trash
from fingerprint import fingerprint
from lab.crash_oracle import Scene, prints
from lab.crash_points import KILL, POWER_CUT, STORES, Backup, fill_by_rsync, fill_source, points
from lab.filesystems import command, disk
from store_world import AT, MARKER, RUN, make_store, opened, write

pytestmark = [pytest.mark.lab, pytest.mark.needs_root]

BROKEN_OFF = replace(RUN, status=Status.INTERRUPTED, exit_code=75)


def break_off(folder: JobFolder, source: Path, *left_out: str, days: int) -> None:
    """Have a session get all but some files, of one of which it gets a half, and publish that."""
    now = AT + timedelta(days=days)
    with opened(folder) as store:
        mend(folder)
        staging = stage(store, folder, sources=(str(source),), run_id=f"day{days}", now=now)
        fill_by_rsync(source, *(f"--exclude={each}" for each in left_out))(staging)
        half = staging.tree / source.relative_to("/") / PARTIAL_FOLDER / "changes"
        if staging.kind is StoreKind.HARDLINK:
            write(half, b"day 5 " * 4000)
        settle(store, folder, staging.path)
        run = replace(BROKEN_OFF, run_id=f"day{days}")
        publish_seeding(store, staging, run=run, hashes={}, how={}, now=now + timedelta(hours=1))


def second_session(folder: JobFolder, source: Path, tell: Callable[[str], None]) -> None:
    break_off(folder, source, "changes", days=1)
    tell("published")
    empty_trash(folder, wait=True)


def last_session(folder: JobFolder, source: Path, _tell: Callable[[str], None]) -> None:
    with opened(folder) as store:
        mend(folder)
        staging = stage(store, folder, sources=(str(source),), run_id="day2", now=AT + timedelta(days=2))
        fill_by_rsync(source)(staging)
        publish(store, record(store, staging, hashes={}), run=replace(RUN, run_id="day2"), how={})
        retire_superseded(folder, now=AT + timedelta(days=2))
    empty_trash(folder, wait=True)


@contextmanager
def scene(kind: str, folder: Path, *, store_kind: StoreKind) -> Iterator[Scene]:
    """Make a store with what one session left: its attempt, and what it published."""
    source, place, template = folder / "home", folder / "disk", folder / "template.image"
    with disk(kind, place, image=folder / "making.image") as made:
        job = make_store(place / "store")
        write_marker(job.store, replace(MARKER, kind=store_kind))
        fill_source(source, 5)
        break_off(job, source, "changes", "d1", "link-b", days=0)
        before = prints(job)
        made.unmount()
        shutil.copyfile(made.image, template)
    command("fallocate", "--dig-holes", template)
    yield Scene(kind=kind, template=template, place=place, source=source, before=before)


def violations(scene: Scene, told: list[str]) -> list[str]:
    """Return what does not hold after the kill, and after a last session that nothing kills."""
    try:
        found = [*_of_what_is_there(scene, told)]
        last_session(scene.folder, scene.source, lambda _text: None)
        return [*found, *_of_the_end(scene)]
    except Exception as error:  # whatever can't even be read is a violation
        return [f"failed: {error!r}"]


def _of_what_is_there(scene: Scene, told: list[str]) -> Iterator[str]:
    snapshots = list_snapshots(scene.folder)
    if {each.id for each in snapshots} != {path.name for path in scene.folder.snapshots.iterdir()}:
        yield "a folder is not a snapshot"
    good = [each for each in snapshots if each.is_good]
    if not snapshots or len(snapshots) > 2 or (told and not any(each.id not in scene.before for each in snapshots)):
        yield f"there are {[each.id for each in snapshots]}"
    source = {path: each.content for path, each in fingerprint(scene.source).items() if each.mode[0] == "-"}
    sizes = []
    for each in snapshots:
        if each.problem or sha256_of(each.manifest) != each.manifest_sha256:
            yield f"{each.id} is not whole: {each.problem}"
            continue
        files = fingerprint(each.tree / scene.source.relative_to("/"))
        contents = {path: found.content for path, found in files.items() if found.mode[0] == "-"}
        sizes.append(len(contents))
        if not contents.items() <= source.items() or len(list(read_manifest(each.manifest))) != len(files):
            yield f"{each.id} has what the source has not, or its manifest lists another tree"
        if each.id in scene.before and fingerprint(each.path) != scene.before[each.id]:
            yield f"{each.id} has changed"
    if sizes != sorted(sizes):
        yield "less is published than was"
    if scene.folder.latest.is_symlink() and not good:
        yield "latest names what is no backup"


def _of_the_end(scene: Scene) -> Iterator[str]:
    (last,) = [each for each in list_snapshots(scene.folder) if each.is_good][-1:]
    if fingerprint(last.tree / scene.source.relative_to("/")) != fingerprint(scene.source):
        yield "the last one is not what the source has"
    if any(each.is_seeding for each in list_snapshots(scene.folder)):
        yield "something is seeding still"
    if list(scene.folder.work.iterdir()) or list(scene.folder.trash.iterdir()):
        yield "something is left in work or trash"


def crash_all(folder: Path, kind: str, store_kind: StoreKind, way: str, backup: Backup, *, every: int) -> int:
    with scene(kind, folder, store_kind=store_kind) as before:
        found = [*points(before, way, every=every, backup=backup, look=violations)]
    assert [point for point in found if point.violations] == []
    assert not found[-1].fired
    return len(found)


@pytest.mark.parametrize("store_kind", StoreKind)
def test_a_kill_leaves_what_was_published_or_what_follows_it(tmp_path: Path, store_kind: StoreKind) -> None:
    kind = "btrfs" if store_kind is StoreKind.BTRFS else "ext4"

    crash_all(tmp_path, kind, store_kind, KILL, second_session, every=37)


@pytest.mark.long
@pytest.mark.parametrize("backup", [second_session, last_session])
@pytest.mark.parametrize("way", [KILL, POWER_CUT])
@pytest.mark.parametrize(("kind", "store_kind"), STORES)
def test_a_kill_or_power_cut_before_any_operation_loses_nothing_that_was_published(
    tmp_path: Path, kind: str, store_kind: StoreKind, way: str, backup: Backup
) -> None:
    assert crash_all(tmp_path, kind, store_kind, way, backup, every=1) > 60
