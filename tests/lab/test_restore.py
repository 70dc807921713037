"""Restores with a real rsync: what comes back, and how much of it."""

from __future__ import annotations

import os
import stat
import tempfile
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from backupjump.config.models import Ownership
from backupjump.operations.restore.decisions import Mode
from backupjump.operations.restore.job import restore
from backupjump.rsync.progress import Progress
from fingerprint import fingerprint
from restore_world import HOME, ODD_NAMES, World, bring_back, make_world, planned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.lab


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


def test_a_whole_snapshot_comes_back_as_it_was(world: World) -> None:
    restored = bring_back(world)

    assert fingerprint(world.target / HOME) == fingerprint(world.desktop / HOME)
    assert stat.S_IMODE((world.target / "home").stat().st_mode) == 0o755
    assert (restored.replaced, restored.deleted, restored.kept, restored.skipped) == (0, 0, 0, 0)
    assert restored.files == sum(not path.is_dir() or path.is_symlink() for path in (world.desktop / HOME).rglob("*"))


@pytest.mark.needs_root
def test_owners_devices_and_symlinks_come_back_from_a_store_that_keeps_them_in_xattrs(tmp_path: Path) -> None:
    world = make_world(tmp_path, Ownership.FAKE_SUPER)
    assert not (world.snapshot.tree / HOME / "links" / "absolute").is_symlink()

    bring_back(world)
    again = planned(world, mode=Mode.EXACT)

    assert fingerprint(world.target / HOME) == fingerprint(world.desktop / HOME)
    assert not again.write
    assert not again.delete


def test_a_store_that_keeps_no_owners_gives_the_files_to_who_restores(tmp_path: Path) -> None:
    world = make_world(tmp_path, Ownership.PLAIN)

    bring_back(world)

    letter = world.target / HOME / "docs" / "plain.txt"
    assert letter.read_text() == "plain"
    assert (letter.stat().st_uid, letter.stat().st_gid) == (os.geteuid(), os.getegid())
    assert letter.stat().st_nlink == 3
    assert letter.stat().st_mtime_ns == (world.desktop / HOME / "docs" / "plain.txt").stat().st_mtime_ns


def test_a_sparse_file_stays_sparse(world: World) -> None:
    bring_back(world, f"/{HOME}/sparse")

    found = (world.target / HOME / "sparse").stat()
    assert found.st_size == 16 << 20
    assert found.st_blocks * 512 < 1 << 20


def test_one_file_brings_the_folders_above_it_with_their_attributes(world: World) -> None:
    bring_back(world, f"/{HOME}/docs/deep/er/letter.txt")

    there = sorted(str(path.relative_to(world.target)) for path in world.target.rglob("*"))
    assert there == [
        "home",
        "home/me",
        "home/me/docs",
        "home/me/docs/deep",
        "home/me/docs/deep/er",
        "home/me/docs/deep/er/letter.txt",
    ]
    for folder in ("", "docs", "docs/deep", "docs/deep/er"):
        was, now = (world.desktop / HOME / folder).stat(), (world.target / HOME / folder).stat()
        assert (now.st_mode, now.st_uid, now.st_mtime_ns) == (was.st_mode, was.st_uid, was.st_mtime_ns)
    assert os.getxattr(world.target / HOME / "docs" / "deep", "user.colour") == b"blue"


def test_a_folder_comes_with_all_below_it_and_nothing_else(world: World) -> None:
    bring_back(world, f"/{HOME}/docs/")

    assert fingerprint(world.target / HOME / "docs") == fingerprint(world.desktop / HOME / "docs")
    assert [path.name for path in (world.target / HOME).iterdir()] == ["docs"]


def test_a_folder_above_the_sources_stands_for_all_below_it(world: World) -> None:
    bring_back(world, "/home")

    assert fingerprint(world.target / HOME) == fingerprint(world.desktop / HOME)


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_file_with_an_odd_name_can_be_asked_for(world: World, name: bytes) -> None:
    bring_back(world, f"/{HOME}/odd/{os.fsdecode(name)}")

    (found,) = (world.target / HOME / "odd").iterdir()
    assert os.fsencode(found.name) == found.read_bytes() == name


def test_hard_links_among_the_chosen_paths_come_back(world: World) -> None:
    bring_back(world, f"/{HOME}/docs/twin.txt", f"/{HOME}/docs/deep/triplet.txt")

    twin, triplet = world.target / HOME / "docs" / "twin.txt", world.target / HOME / "docs" / "deep" / "triplet.txt"
    assert twin.stat().st_nlink == 2
    assert twin.samefile(triplet)


def test_progress_is_told_while_it_runs(world: World) -> None:
    told: list[Progress] = []

    restore(planned(world), on_progress=told.append)

    assert told[-1].bytes_done >= 16 << 20
    assert told[-1].checked == told[-1].total > 0


def test_the_plan_says_what_would_be_written_without_writing_it(world: World) -> None:
    plan = planned(world, f"/{HOME}/docs")

    assert not world.target.exists()
    assert plan.files == 5
    assert plan.size_bytes == len("plain") + len("dear") + len("#!/bin/sh\n")
    assert not plan.destroys


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter, which tmp_path is not."""
    with tempfile.TemporaryDirectory(prefix="backupjump-", dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def as_nobody(check: Callable[[], bool]) -> bool:
    """Return what `check` says in a child that is a plain user; an exception there is False, shown on stderr."""
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            os._exit(0 if check() else 1)
        except BaseException:
            traceback.print_exc()
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def without_owners(tree: Path) -> dict[bytes, Any]:
    """What a tree holds but for who owns it and its devices."""
    found: dict[bytes, Any] = {}
    for path in sorted(tree.rglob("*")):
        status = path.lstat()
        if not stat.S_ISCHR(status.st_mode):
            xattrs = {
                name: os.getxattr(path, name, follow_symlinks=False)
                for name in os.listxattr(path, follow_symlinks=False)
            }
            found[os.fsencode(path.relative_to(tree))] = (status.st_mode, status.st_mtime_ns, xattrs)
    return found


@pytest.mark.needs_root
def test_a_plain_user_gets_all_but_owners_and_devices(open_folder: Path) -> None:
    world = make_world(open_folder, Ownership.FAKE_SUPER)
    for path in (world.store, *world.store.rglob("*")):
        os.chown(path, 65534, 65534, follow_symlinks=False)
    world.target.mkdir()
    os.chown(world.target, 65534, 65534)

    assert as_nobody(lambda: bring_back(world).skipped == 1)
    assert as_nobody(lambda: not planned(world, mode=Mode.EXACT).write)

    assert without_owners(world.target / HOME) == without_owners(world.desktop / HOME)
