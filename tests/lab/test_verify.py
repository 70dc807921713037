"""Verify on real trees: each kind of damage is found and named, and a sound store gives no alarm."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from backupjump.config.models import Ownership
from backupjump.operations.verify.folder import kept
from backupjump.operations.verify.part import verify_part
from backupjump.store.lock import locked
from backupjump.store.manifest import Entry, read_manifest, to_line, write_lines
from backupjump.store.marker import read_marker
from backupjump.store.marks import read_marks
from backupjump.store.trash import throw_away
from fingerprint import fingerprint
from program import backupjump
from store_world import AT
from verify_world import World, make_world, rot

pytestmark = pytest.mark.lab

LATER = AT + timedelta(days=30)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


STORES = {
    "native": (Ownership.NATIVE, ()),
    "fake-super": (Ownership.FAKE_SUPER, ("--fake-super",)),
    "plain": (Ownership.PLAIN, ("--no-owner", "--no-group", "--no-xattrs", "--no-acls")),
}


@pytest.mark.parametrize("store", STORES)
def test_a_sound_store_gives_no_alarm_and_is_not_changed(tmp_path: Path, store: str) -> None:
    ownership, more = STORES[store]
    world = make_world(tmp_path, ownership=ownership, more=more)
    before = [fingerprint(snapshot.tree) for snapshot in world.snapshots]

    results = [world.verify(), world.verify(every=True), world.verify(share=0.05), world.verify(every=True, heal=True)]

    assert [(result.outcomes, result.exit_code) for result in results] == [((), 0)] * 4
    assert results[1].checked > 2 * results[0].checked
    assert [fingerprint(snapshot.tree) for snapshot in world.snapshots] == before
    marks = read_marks(world.folder)
    assert marks.verified_at.keys() == set(world.ids)
    assert marks.damage == {}
    assert marks.drilled_at is not None


def test_a_store_that_was_copied_to_another_disk_gives_no_alarm(world: World, tmp_path: Path) -> None:
    aside = world.folder.store.with_name("aside")
    world.folder.store.rename(aside)
    shutil.copytree(aside, world.folder.store, symlinks=True)

    assert world.damaged(every=True) == {}


def test_each_inode_is_read_once(world: World) -> None:
    size = sum(path.lstat().st_size for path in world.home.rglob("*") if path.name != "twin" and is_real(path))

    read = world.verify().read_bytes
    read_all = world.verify(every=True).read_bytes

    assert read == size
    assert read_all == size + 6 * 1000


def is_real(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def cut(path: Path) -> None:
    before = path.stat()
    os.truncate(path, 10)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def edit(path: Path) -> None:
    path.unlink()
    path.write_text("a person was here")


def retarget(path: Path) -> None:
    path.unlink()
    path.symlink_to("elsewhere")


DAMAGE: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "a flipped bit": ("rotten", rot, "content is not what was backed up"),
    "cut short": ("cut", cut, "size is 10, was 3000"),
    "mode": ("mode", lambda path: path.chmod(0o666), "mode is 0666, was 0644"),
    "mtime": ("time", lambda path: os.utime(path, (5, 5)), "mtime is 5.000000000"),
    "deleted": ("gone", lambda path: path.unlink(), "is missing"),
    "extra": ("new", lambda path: path.write_text("x"), "is not in the manifest"),
    "edited by a user": ("touched", edit, "size is 17, was 7000"),
    "xattr": ("same", lambda path: os.setxattr(path, "user.note", b"1"), "extended attributes"),
    "a folder's mode": ("deep/er", lambda path: path.chmod(0o700), "mode is 0700, was 0755"),
    "a symlink's target": ("link", retarget, "points to elsewhere, pointed to same"),
    "a folder instead of a file": ("same", lambda path: [path.unlink(), path.mkdir()], "is a dir, was a file"),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_damage_is_named_ends_with_4_and_is_noted(world: World, what: str) -> None:
    name, damage, said = DAMAGE[what]
    damage(world.stored(name))

    verified = world.verify()

    found = {each.damage.path: each.damage.what for each in verified.outcomes}
    assert said in found[world.path(name)]
    # A name that comes or goes changes its folder's time.
    assert found.keys() <= {world.path(name), os.path.dirname(world.path(name)), world.path("")}  # noqa: PTH120
    assert verified.exit_code == 4
    assert read_marks(world.folder).damage[world.ids[-1]] == len(found)


def test_a_deleted_source_is_missing_with_all_that_was_in_it(world: World) -> None:
    shutil.rmtree(world.snapshots[-1].tree / "home" if world.home.parts[1] == "home" else world.stored(""))

    assert {"", "rotten", "deep/er/file"} <= world.damaged().keys()


def test_rot_names_every_snapshot_and_every_name_of_the_inode_once(world: World) -> None:
    rot(world.stored("rotten"))

    for wish in ({}, {"every": True}):
        outcomes = world.verify(**wish).outcomes

        assert [(each.damage.snapshots, each.damage.path, each.damage.also) for each in outcomes] == [
            (world.ids, world.path("rotten"), (world.path("twin"),))
        ]
    assert read_marks(world.folder).damage == dict.fromkeys(world.ids, 1)


def test_rot_in_an_older_snapshot_alone_is_found_with_all(world: World) -> None:
    rot(world.stored("edited", 0))

    assert world.damaged() == {}
    verified = world.verify(every=True)
    assert [each.damage.snapshots for each in verified.outcomes] == [world.ids[:1]]
    assert read_marks(world.folder).damage == {world.ids[0]: 1}


def test_a_hash_of_another_algorithm_is_checked_by_that_one(world: World) -> None:
    newest = world.snapshots[-1]
    entries = [as_md5(entry, newest.tree) for entry in read_manifest(newest.manifest)]
    newest.manifest.unlink()
    written = write_lines(newest.manifest, map(to_line, entries))
    meta = json.loads((newest.path / "meta.json").read_text())
    (newest.path / "meta.json").write_text(json.dumps(meta | {"manifest": {"sha256": written.sha256, "entries": 1}}))

    assert world.damaged(every=True) == {}
    rot(world.stored("rotten"))
    assert world.damaged().keys() == {"rotten"}


def as_md5(entry: Entry, tree: Path) -> Entry:
    if entry.type != "file":
        return entry
    content = (tree / os.fsdecode(entry.path)).read_bytes()
    return replace(entry, hash=f"md5:{hashlib.md5(content).hexdigest()}")  # noqa: S324


def test_a_damaged_manifest_and_meta_are_damage_of_their_snapshot_and_the_rest_is_checked(world: World) -> None:
    (world.snapshots[0].path / "meta.json").write_text("{")
    (world.snapshots[2].path / "manifest.jsonl.zst").write_bytes(b"nothing")
    rot(world.stored("same", 1))

    outcomes = world.verify().outcomes

    assert [(each.damage.kind, each.damage.home) for each in outcomes] == [
        ("meta", world.ids[0]),
        ("manifest", world.ids[2]),
        ("content", world.ids[1]),
    ]


def test_what_a_run_reads_comes_around_in_50_runs_and_finds_what_is_damaged(world: World) -> None:
    marker = read_marker(world.folder.store)
    rot(world.stored("rotten"))
    rot(world.stored("edited", 0))
    total = sum(path.lstat().st_size for path in world.home.rglob("*") if is_real(path))
    found: set[bytes] = set()

    for run in range(50):
        verified = verify_part(world.folder, marker, now=LATER + timedelta(days=run))
        found |= {each.damage.path for each in verified.outcomes}
        assert verified.read_bytes <= total * 0.02 + 30_000  # two parts may go over the budget
    marks = read_marks(world.folder)

    assert found == {world.path("rotten"), world.path("twin"), world.path("edited")}
    assert marks.damage.keys() == set(world.ids)
    assert len(marks.parts_at) == 64 + 2


def test_a_run_with_no_time_left_still_reads_one_part(world: World) -> None:
    marker = read_marker(world.folder.store)

    for run in range(66):
        verify_part(world.folder, marker, budget_bytes=10**9, seconds=-1, now=LATER + timedelta(days=run))

    assert len(read_marks(world.folder).parts_at) == 64 + 2


def test_the_command_says_all_of_it_in_json_and_in_words(world: World) -> None:
    rot(world.stored("rotten"))

    said = backupjump(world.config, "verify", "nightly", "--json")
    told = backupjump(world.config, "verify", "nightly")

    assert (said.code, told.code) == (4, 4)
    damaged = said.json["damaged"][0]
    assert damaged["path"] == str(world.home / "rotten")
    assert damaged["snapshots"] == list(world.ids)
    assert damaged["healed"] is False
    assert said.json["checked"] > 10
    assert said.json["drill"]["failed"] == []
    assert f"DAMAGED  {world.home}/rotten: content is not what was backed up" in told.out
    assert ", ".join(world.ids) in told.out
    assert "backupjump verify nightly --all --heal" in told.err


def test_a_restore_from_a_snapshot_that_is_known_to_be_damaged_says_so(world: World, tmp_path: Path) -> None:
    rot(world.stored("rotten"))
    assert "damaged" not in backupjump(world.config, "restore", "nightly", "--to", str(tmp_path / "before")).err
    backupjump(world.config, "verify", "nightly")

    said = backupjump(world.config, "restore", "nightly", "--to", str(tmp_path / "after"))

    assert said.code == 0
    assert f"1 of the paths in {world.ids[-1]} damaged" in said.err
    assert "backupjump verify nightly --all --heal" in said.err


def test_wrong_words_are_refused(world: World) -> None:
    assert backupjump(world.config, "verify", "nightly", "--sample", "many").code == 2
    assert backupjump(world.config, "verify", "nightly", "--all", "--sample", "5%").code == 2
    assert backupjump(world.config, "verify", "nigthly").code == 2


def test_a_verify_beside_a_run_says_what_it_found_and_that_it_is_not_noted(world: World) -> None:
    rot(world.stored("rotten"))

    with locked(world.folder):
        said = backupjump(world.config, "verify", "nightly", "--json")
        healing = backupjump(world.config, "verify", "nightly", "--heal")

    assert said.code == 4
    assert "another run holds desktop/nightly" in said.json["warnings"][0]
    assert healing.code == 11


def test_a_prune_beside_a_verify_takes_nothing_that_is_looked_at(world: World) -> None:
    with kept(world.folder) as snapshots, locked(world.folder):
        gone = throw_away(world.folder, [snapshots[0].id])

    assert gone == ()
    assert len(world.snapshots) == 3
