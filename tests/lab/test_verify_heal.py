"""Heal: what is damaged is as it was in every snapshot that has it, and what is sound is not touched."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable, Sequence
from itertools import count
from multiprocessing import get_context
from pathlib import Path

import pytest

from backupjump.config.models import Ownership
from backupjump.errors import DesktopAway, Stopped
from backupjump.operations.verify.heal import Outcome, heal
from backupjump.store.marks import read_marks
from backupjump.store.verify.differences import Rules
from fingerprint import Print, fingerprint
from store_world import MARKER
from verify_world import World, make_world, rot

pytestmark = pytest.mark.lab


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


def prints(world: World) -> list[dict[str, Print]]:
    return [fingerprint(snapshot.tree) for snapshot in world.snapshots]


def inodes(world: World) -> list[int]:
    return [path.lstat().st_ino for snapshot in world.snapshots for path in sorted(snapshot.tree.rglob("*"))]


def own_copy(path: Path) -> None:
    """Give a name an inode of its own, as a run does when the attributes differ."""
    copy = path.with_name("copy")
    shutil.copy2(path, copy)
    os.chown(copy, path.stat().st_uid, path.stat().st_gid)
    copy.chmod(path.stat().st_mode & 0o7777)
    time_of(copy, path)
    copy.replace(path)


@pytest.mark.parametrize("name", ["same", "unwritable", "script"])
def test_rot_is_healed_in_place_from_a_snapshot_that_has_a_good_copy(world: World, name: str) -> None:
    own_copy(world.stored(name, 0))
    time_of(world.stored("", 0), world.stored("", 1))
    before, numbers = prints(world), inodes(world)
    rot(world.stored(name))

    verified = world.verify(heal=True)

    assert [(each.damage.path, each.healed) for each in verified.outcomes] == [(world.path(name), True)]
    assert world.ids[0] in verified.outcomes[0].note
    assert verified.exit_code == 0
    assert prints(world) == before
    assert inodes(world) == numbers
    assert world.damaged(every=True) == {}
    assert read_marks(world.folder).damage == {}


def time_of(path: Path, like: Path) -> None:
    os.utime(path, ns=(like.stat().st_atime_ns, like.stat().st_mtime_ns))


@pytest.mark.parametrize("store", ["native", "fake-super", "plain"])
def test_metadata_is_set_from_the_manifest(tmp_path: Path, store: str) -> None:
    more = {"native": (), "fake-super": ("--fake-super",), "plain": ("--no-owner", "--no-group")}[store]
    world = make_world(tmp_path, ownership=Ownership(store), more=more)
    before = prints(world)
    if store == "fake-super":
        os.setxattr(world.stored("script"), "user.rsync.%stat", b"100644 0,0 7:7")
    else:
        world.stored("script").chmod(0o600)
    os.utime(world.stored("time"), (5, 5))
    os.utime(world.stored("deep/er"), (5, 5))

    assert world.verify(heal=True).exit_code == 0

    if store == "fake-super":
        assert world.damaged(every=True) == {}
    else:
        assert prints(world) == before


def test_what_was_deleted_is_put_back_and_shared_again(world: World) -> None:
    before = prints(world)
    shutil.rmtree(world.stored("deep"))
    world.stored("gone").unlink()
    world.stored("link").unlink()

    verified = world.verify(heal=True)

    assert verified.exit_code == 0, verified.outcomes
    assert prints(world) == before
    assert world.stored("gone").stat().st_ino == world.stored("gone", 1).stat().st_ino


def test_what_heal_leaves_is_said_and_left(world: World) -> None:
    world.stored("new").write_text("mine")
    os.setxattr(world.stored("same"), "user.note", b"1")
    world.stored("cut").unlink()
    world.stored("cut").mkdir()

    verified = world.verify(heal=True)

    notes = {each.damage.path: each.note for each in verified.outcomes if not each.healed}
    assert "delete it by hand" in notes[world.path("new")]
    assert "extended attributes" in notes[world.path("same")]
    assert "move that away by hand" in notes[world.path("cut")]
    assert (world.stored("new").read_text(), os.getxattr(world.stored("same"), "user.note")) == ("mine", b"1")
    assert verified.exit_code == 4


def test_no_copy_that_differs_from_the_manifest_is_taken(world: World, tmp_path: Path) -> None:
    rot(world.stored("rotten"))
    before = prints(world)
    others = tmp_path / "fetched"
    target = others / os.fsdecode(world.path("rotten"))
    target.parent.mkdir(parents=True)
    shutil.copy2(world.stored("rotten"), target)

    outcomes = healed_by(world, lambda _paths: others)

    assert [each.healed for each in outcomes] == [False]
    assert "neither another snapshot nor the Desktop" in outcomes[0].note
    assert prints(world) == before


def test_a_desktop_that_is_away_is_said(world: World) -> None:
    rot(world.stored("rotten"))

    def fetch(_paths: Sequence[bytes]) -> Path:
        raise DesktopAway("the tunnel is not open")

    assert "the tunnel is not open" in healed_by(world, fetch)[0].note


def test_a_signal_ends_a_heal_also_while_the_desktop_is_asked(world: World) -> None:
    rot(world.stored("rotten"))

    def fetch(_paths: Sequence[bytes]) -> Path:
        raise Stopped(signal.SIGINT)

    with pytest.raises(Stopped):
        healed_by(world, fetch)


def test_what_is_sound_by_now_is_not_touched(world: World) -> None:
    rot(world.stored("rotten"))
    damages = [each.damage for each in world.verify().outcomes]
    rot(world.stored("rotten"))
    before = world.stored("rotten").stat().st_ctime_ns

    outcomes = heal(damages, world.snapshots, Rules.of(MARKER), fetch=lambda _paths: world.snapshots[0].tree)

    assert [each.healed for each in outcomes] == [True]
    assert world.stored("rotten").stat().st_ctime_ns == before


def healed_by(world: World, fetch: Callable[[Sequence[bytes]], Path]) -> tuple[Outcome, ...]:
    damages = [each.damage for each in world.verify().outcomes]
    return heal(damages, world.snapshots, Rules.of(MARKER), fetch=fetch)


_WRITES = frozenset({"os.chmod", "os.chown", "os.link", "os.mkdir", "os.truncate", "os.symlink", "os.utime"})
_TO_WRITE = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def heal_and_die(world: World, good: Path, nth: int) -> None:
    """Heal, killed right before the `nth` operation that could change a file."""
    damages = [each.damage for each in world.verify().outcomes]
    operations = count(1)

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        writes = event in _WRITES or (event == "open" and int(str(arguments[2])) & _TO_WRITE)
        if writes and next(operations) == nth:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    heal(damages, world.snapshots, Rules.of(MARKER), fetch=lambda _paths: good)


def test_a_kill_in_the_midst_leaves_it_damaged_or_whole_and_the_next_heal_goes_on(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    before = prints(world)
    good = tmp_path / "good"
    shutil.copytree(world.snapshots[0].tree, good, symlinks=True)
    damaged_names = {world.path("rotten"), world.path("unwritable"), world.path("gone"), world.path("")}
    died = 0
    for nth in count(1):
        rot(world.stored("rotten"))
        rot(world.stored("unwritable"))
        world.stored("gone").unlink(missing_ok=True)

        child = get_context("fork").Process(target=heal_and_die, args=(world, good, nth))
        child.start()
        child.join(60)
        left = {each.damage.path for each in world.verify(every=True).outcomes}
        healed_by(world, lambda _paths: good)

        assert left <= damaged_names
        assert prints(world) == before, nth
        if child.exitcode == 0:
            break
        died += 1
    assert died > 5
