"""Restores with a real rsync: what comes back, what stays, and what is refused."""

from __future__ import annotations

import os
import stat
import subprocess
import tempfile
import traceback
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from backupjump.config.models import Ownership
from backupjump.errors import RestoreRefused, StoreError, TransferFailed, UsageError
from backupjump.operations.restore import restore
from backupjump.operations.restore_decisions import Mode
from backupjump.operations.restore_plan import RestorePlan, plan_restore
from backupjump.operations.snapshot_paths import desktop_path
from backupjump.rsync.progress import Progress
from fingerprint import fingerprint
from restore_world import HOME, ODD_NAMES, World, make_world

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.lab


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


def planned(world: World, *paths: str, mode: Mode = Mode.NEW_ONLY, target: Path | None = None) -> RestorePlan:
    wanted = [desktop_path(path) for path in paths]
    return plan_restore(
        world.snapshot, world.marker, wanted, store=world.store, target=target or world.target, mode=mode
    )


def bring_back(world: World, *paths: str, mode: Mode = Mode.NEW_ONLY, target: Path | None = None) -> Any:
    return restore(planned(world, *paths, mode=mode, target=target))


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


class TestNewOnly:
    def test_what_is_there_stays_byte_for_byte_and_folders_keep_their_attributes(self, world: World) -> None:
        docs = world.target / HOME / "docs"
        docs.mkdir(parents=True)
        docs.chmod(0o711)
        (docs / "plain.txt").write_text("edited")
        (docs / "own.txt").write_text("own")
        os.utime(docs / "plain.txt", ns=(1, 1))
        before = {path: (path.lstat().st_mode, path.lstat().st_ino) for path in (docs, *docs.iterdir())}

        restored = bring_back(world)

        assert {path: (path.lstat().st_mode, path.lstat().st_ino) for path in before} == before
        assert (docs / "plain.txt").read_text() == "edited"
        assert (docs / "plain.txt").stat().st_mtime_ns == 1
        assert (docs / "twin.txt").read_text() == "plain"
        assert restored.kept == 1

    def test_a_second_restore_writes_nothing(self, world: World) -> None:
        bring_back(world)
        before = fingerprint(world.target)

        restored = bring_back(world)

        assert restored.files == 0
        assert fingerprint(world.target) == before

    def test_a_file_where_a_folder_belongs_stays_and_nothing_comes_below_it(self, world: World) -> None:
        (world.target / HOME).mkdir(parents=True)
        (world.target / HOME / "docs").write_text("a file")

        restored = bring_back(world, f"/{HOME}/docs", f"/{HOME}/links")

        assert (world.target / HOME / "docs").read_text() == "a file"
        assert (world.target / HOME / "links" / "relative").is_symlink()
        assert restored.kept > 0


class TestKeepOld:
    def test_what_differs_is_replaced_and_the_old_one_stays_beside(self, world: World) -> None:
        bring_back(world)
        docs = world.target / HOME / "docs"
        old = docs / f"plain.txt.before-{world.snapshot.id}"
        (docs / "plain.txt").unlink()
        (docs / "plain.txt").write_text("edited")
        (docs / "own.txt").write_text("own")

        restored = bring_back(world, mode=Mode.KEEP_OLD)

        assert restored.replaced == 1
        assert old.read_text() == "edited"
        assert (docs / "own.txt").read_text() == "own"
        old.unlink()
        (docs / "own.txt").unlink()
        was = (world.desktop / HOME / "docs").stat()
        os.utime(docs, ns=(was.st_mtime_ns, was.st_mtime_ns))
        assert fingerprint(world.target / HOME) == fingerprint(world.desktop / HOME)

    def test_folders_get_the_time_of_the_snapshot_though_old_files_stay_in_them(self, world: World) -> None:
        bring_back(world)
        docs = world.target / HOME / "docs"
        (docs / "plain.txt").write_text("edited")
        docs.chmod(0o700)

        bring_back(world, mode=Mode.KEEP_OLD)

        was = (world.desktop / HOME / "docs").stat()
        assert (docs.stat().st_mode, docs.stat().st_mtime_ns) == (was.st_mode, was.st_mtime_ns)

    @pytest.mark.parametrize(
        "change",
        [
            lambda path: path.write_text("#!/bin/ed\n"),
            lambda path: path.chmod(0o600),
            lambda path: os.setxattr(path, "user.colour", b"green"),
            lambda path: os.utime(path, ns=(0, path.stat().st_mtime_ns + 1)),
        ],
        ids=["content", "mode", "xattr", "a nanosecond"],
    )
    def test_no_difference_is_missed_and_none_is_mended_in_place(
        self, world: World, change: Callable[[Path], object]
    ) -> None:
        bring_back(world)
        script = world.target / HOME / "docs" / "script"
        outside = world.target.parent / "outside"
        os.link(script, outside)
        change(script)
        before = (outside.stat().st_mode, outside.stat().st_mtime_ns, outside.read_bytes(), os.listxattr(outside))

        restored = bring_back(world, mode=Mode.KEEP_OLD)

        assert restored.replaced == 1
        after = (outside.stat().st_mode, outside.stat().st_mtime_ns, outside.read_bytes(), os.listxattr(outside))
        assert after == before
        assert outside.samefile(script.with_name(f"script.before-{world.snapshot.id}"))
        assert fingerprint(script) == fingerprint(world.desktop / HOME / "docs" / "script")

    def test_same_size_and_time_but_other_content_is_seen(self, world: World) -> None:
        bring_back(world)
        letter = world.target / HOME / "docs" / "deep" / "er" / "letter.txt"
        times = (letter.stat().st_atime_ns, letter.stat().st_mtime_ns)
        letter.write_text("fear")
        os.utime(letter, ns=times)

        bring_back(world, mode=Mode.KEEP_OLD)

        assert letter.read_text() == "dear"

    def test_the_old_one_of_a_restore_before_is_not_overwritten(self, world: World) -> None:
        bring_back(world)
        letter = world.target / HOME / "docs" / "deep" / "er" / "letter.txt"
        for text in ("first", "second"):
            letter.write_text(text)
            bring_back(world, mode=Mode.KEEP_OLD)

        aside = f"letter.txt.before-{world.snapshot.id}"
        assert letter.with_name(aside).read_text() == "first"
        assert letter.with_name(f"{aside}-2").read_text() == "second"

    def test_a_name_as_long_as_can_be_is_kept_under_a_shorter_one(self, world: World) -> None:
        bring_back(world)
        long = world.target / HOME / "odd" / ("l" * 255)
        long.write_text("edited")

        bring_back(world, mode=Mode.KEEP_OLD)

        (aside,) = long.parent.glob("l*.before-*")
        assert aside.read_text() == "edited"
        assert long.read_text() == "l" * 255

    def test_a_folder_in_a_file_s_place_goes_aside_whole_and_a_file_in_a_folder_s(self, world: World) -> None:
        (world.target / HOME / "sparse" / "in").mkdir(parents=True)
        (world.target / HOME / "docs").write_text("a file")

        bring_back(world, mode=Mode.KEEP_OLD)

        assert (world.target / HOME / f"sparse.before-{world.snapshot.id}" / "in").is_dir()
        assert (world.target / HOME / f"docs.before-{world.snapshot.id}").read_text() == "a file"
        assert fingerprint(world.target / HOME / "docs") == fingerprint(world.desktop / HOME / "docs")

    def test_links_that_were_split_are_joined_again(self, world: World) -> None:
        bring_back(world)
        docs = world.target / HOME / "docs"
        content, times = (docs / "twin.txt").read_bytes(), (docs / "twin.txt").stat()
        (docs / "twin.txt").unlink()
        (docs / "deep" / "triplet.txt").unlink()
        (docs / "twin.txt").write_bytes(content)
        os.utime(docs / "twin.txt", ns=(times.st_atime_ns, times.st_mtime_ns))

        bring_back(world, mode=Mode.KEEP_OLD)

        assert (docs / "plain.txt").samefile(docs / "twin.txt")
        assert (docs / "plain.txt").samefile(docs / "deep" / "triplet.txt")

    def test_what_is_equal_is_left_alone(self, world: World) -> None:
        bring_back(world)
        before = fingerprint(world.target)
        inodes = {path: path.lstat().st_ino for path in world.target.rglob("*")}

        restored = bring_back(world, mode=Mode.KEEP_OLD)

        assert (restored.files, restored.replaced) == (0, 0)
        assert fingerprint(world.target) == before
        assert {path: path.lstat().st_ino for path in world.target.rglob("*")} == inodes


class TestExact:
    def test_the_folder_is_as_in_the_snapshot_afterwards(self, world: World) -> None:
        bring_back(world)
        docs = world.target / HOME / "docs"
        (docs / "extra folder" / "deep").mkdir(parents=True)
        (docs / "extra folder" / "deep" / "file").write_text("12345")
        (docs / "extra").write_text("123")
        (docs / "plain.txt").unlink()
        (docs / "plain.txt").mkdir()
        (docs / "script").write_text("edited")
        (docs / "link out").symlink_to(world.desktop)

        plan = planned(world, mode=Mode.EXACT)
        restored = restore(plan)

        shown = {extra.path.rpartition(b"/")[2]: (extra.files, extra.size_bytes) for extra in plan.delete}
        assert shown.keys() == {b"extra", b"extra folder", b"link out"}
        assert (shown[b"extra"], shown[b"extra folder"]) == ((1, 3), (1, 5))
        assert (restored.replaced, restored.deleted) == (2, 3)
        assert fingerprint(world.target / HOME) == fingerprint(world.desktop / HOME)

    def test_only_inside_the_chosen_folders_something_is_deleted(self, world: World) -> None:
        bring_back(world)
        for folder in ("", HOME, f"{HOME}/links", f"{HOME}/docs/deep"):
            (world.target / folder / "extra").write_text("extra")

        bring_back(world, f"/{HOME}/docs/deep", mode=Mode.EXACT)

        assert not (world.target / HOME / "docs" / "deep" / "extra").exists()
        assert (world.target / "extra").exists()
        assert (world.target / HOME / "extra").exists()
        assert (world.target / HOME / "links" / "extra").exists()

    def test_nothing_is_deleted_when_the_writing_failed(self, world: World) -> None:
        bring_back(world)
        (world.target / HOME / "docs" / "extra").write_text("extra")
        (world.target / HOME / "docs" / "script").write_text("edited")
        plan = planned(world, mode=Mode.EXACT)
        (world.snapshot.tree / HOME / "docs" / "script").unlink()

        with pytest.raises(TransferFailed, match="script"):
            restore(plan)

        assert (world.target / HOME / "docs" / "extra").exists()
        assert (world.target / HOME / "docs" / f"script.before-{world.snapshot.id}").read_text() == "edited"

    @pytest.mark.needs_root
    def test_a_mount_among_the_extras_is_refused_before_anything_is_written(self, world: World) -> None:
        bring_back(world)
        mount = world.target / HOME / "docs" / "usb" / "disk"
        mount.mkdir(parents=True)
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", mount], check=True)  # noqa: S607
        try:
            (mount / "precious").write_text("precious")

            with pytest.raises(RestoreRefused, match="another file system"):
                planned(world, mode=Mode.EXACT)

            assert (mount / "precious").read_text() == "precious"
        finally:
            subprocess.run(["umount", mount], check=True)  # noqa: S607


class TestSafety:
    @pytest.mark.parametrize("mode", Mode)
    @pytest.mark.parametrize("place", ["home", HOME, f"{HOME}/docs", f"{HOME}/docs/deep", f"{HOME}/empty"])
    @pytest.mark.parametrize("wanted", [f"/{HOME}", f"/{HOME}/docs/deep/er/letter.txt", f"/{HOME}/empty"])
    def test_nothing_is_written_through_a_symlink(self, world: World, mode: Mode, place: str, wanted: str) -> None:
        outside = world.target.parent / "outside"
        outside.mkdir()
        (outside / "mine").write_text("mine")
        (world.target / place).parent.mkdir(parents=True)
        (world.target / place).symlink_to(outside)
        before = fingerprint(outside)
        on_the_way = wanted.startswith(f"/{place}") or place.startswith(wanted.strip("/"))

        if on_the_way:
            with pytest.raises(RestoreRefused, match=f"{place} below the target is a symlink"):
                bring_back(world, wanted, mode=mode)
        else:
            bring_back(world, wanted, mode=mode)

        assert fingerprint(outside) == before
        assert (world.target / place).is_symlink()

    def test_a_symlink_in_a_file_s_place_is_replaced_not_followed(self, world: World) -> None:
        outside = world.target.parent / "outside"
        outside.write_text("mine")
        place = world.target / HOME / "docs" / "plain.txt"
        place.parent.mkdir(parents=True)
        place.symlink_to(outside)

        assert bring_back(world, f"/{HOME}/docs/plain.txt").kept == 1
        bring_back(world, f"/{HOME}/docs/plain.txt", mode=Mode.KEEP_OLD)

        assert outside.read_text() == "mine"
        assert place.read_text() == "plain"
        assert place.with_name(f"plain.txt.before-{world.snapshot.id}").is_symlink()

    @pytest.mark.parametrize("mode", Mode)
    def test_a_symlink_that_comes_up_after_the_plan_is_refused(self, world: World, mode: Mode) -> None:
        outside = world.target.parent / "outside"
        outside.mkdir()
        plan = planned(world, mode=mode)
        (world.target / HOME).mkdir(parents=True)
        (world.target / HOME / "docs").symlink_to(outside)

        with pytest.raises(RestoreRefused, match="symlink"):
            restore(plan)

        assert list(outside.iterdir()) == []

    def test_a_target_that_is_named_through_a_symlink_is_fine(self, world: World) -> None:
        (world.target.parent / "real").mkdir()
        world.target.symlink_to(world.target.parent / "real")

        bring_back(world)

        assert fingerprint(world.target.parent / "real" / HOME) == fingerprint(world.desktop / HOME)

    def test_a_target_in_the_store_or_around_it_is_refused(self, world: World) -> None:
        link = world.target.parent / "link"
        link.symlink_to(world.store)

        for target in (world.store, world.snapshot.tree, link / "new"):
            with pytest.raises(RestoreRefused, match="in the store"):
                planned(world, target=target)

    def test_a_store_in_a_folder_that_is_restored_exactly_is_no_extra(self, tmp_path: Path) -> None:
        docs = tmp_path / HOME / "docs"
        docs.mkdir(parents=True)
        world = make_world(docs)

        with pytest.raises(RestoreRefused, match="would change the store"):
            planned(world, f"/{HOME}/docs", mode=Mode.EXACT, target=tmp_path)

        bring_back(world, f"/{HOME}/docs", mode=Mode.KEEP_OLD, target=tmp_path)
        assert (docs / "plain.txt").read_text() == "plain"

    def test_a_store_where_the_restore_would_write_is_refused(self, tmp_path: Path) -> None:
        world = make_world(tmp_path)
        place = tmp_path / HOME / "docs" / "deep"
        place.parent.mkdir(parents=True)
        world.store.rename(place)
        snapshot = replace(world.snapshot, path=place / world.snapshot.path.relative_to(world.store))
        moved = replace(world, store=place, snapshot=snapshot)

        for mode in Mode:
            with pytest.raises(RestoreRefused, match="would change the store"):
                planned(moved, mode=mode, target=tmp_path)

    @pytest.mark.parametrize(
        ("damage", "words"),
        [
            (lambda path: path.unlink(), "No such file"),
            (lambda path: path.write_text("longer than it was"), "18 bytes long, not 4"),
            (lambda path: (path.unlink(), path.mkdir()), "no longer a file"),
        ],
    )
    def test_a_snapshot_that_lacks_what_its_manifest_lists_is_refused(
        self, world: World, damage: Callable[[Path], None], words: str
    ) -> None:
        damage(world.snapshot.tree / HOME / "docs" / "deep" / "er" / "letter.txt")

        with pytest.raises(RestoreRefused, match=rf"docs/deep/er/letter\.txt is in its manifest.*{words}"):
            bring_back(world)

        assert not world.target.exists()
        bring_back(world, f"/{HOME}/links")

    def test_a_manifest_that_is_another_one_is_refused(self, world: World) -> None:
        with world.snapshot.manifest.open("ab") as file:
            file.write(b"\0")

        with pytest.raises(StoreError, match="not the one that was written"):
            bring_back(world)

    def test_a_path_that_is_not_in_the_snapshot_is_refused_with_a_guess(self, world: World) -> None:
        with pytest.raises(UsageError, match=r"no /home/me/docs/plane\.txt") as caught:
            bring_back(world, f"/{HOME}/docs/script", f"/{HOME}/docs/plane.txt")

        assert caught.value.hint == "did you mean /home/me/docs/plain.txt?"
        assert not world.target.exists()

    def test_a_file_as_the_target_is_refused(self, world: World) -> None:
        world.target.write_text("a file")

        with pytest.raises(RestoreRefused, match="is not a folder"):
            planned(world)


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
