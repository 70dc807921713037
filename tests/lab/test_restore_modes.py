"""Restores with a real rsync: what each mode does to what is there."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from backupjump.errors import RestoreRefused, TransferFailed
from backupjump.operations.restore.decisions import Mode
from backupjump.operations.restore.job import restore
from fingerprint import fingerprint
from restore_world import HOME, World, bring_back, make_world, planned

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.lab


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


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
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", mount], check=True)
        try:
            (mount / "precious").write_text("precious")

            with pytest.raises(RestoreRefused, match="another file system"):
                planned(world, mode=Mode.EXACT)

            assert (mount / "precious").read_text() == "precious"
        finally:
            subprocess.run(["umount", mount], check=True)
