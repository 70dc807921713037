"""A store of subvolumes as people meet it: picked by trying, for root and for a plain user, through the real tunnel."""

from __future__ import annotations

import json
import os
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from backupjump.config.models import Ownership, StoreKind
from backupjump.demo.home import make_home
from backupjump.demo.lab import Lab
from backupjump.errors import StoreError
from backupjump.operations.store_init import init_store
from backupjump.store import subvolume
from backupjump.store.layout import JobFolder
from backupjump.store.marker import read_marker
from backupjump.store.probe import probe
from backupjump.store.snapshots import list_snapshots
from backupjump.store.trash import empty_trash, throw_away
from btrfs_world import in_tree, pull
from fingerprint import fingerprint
from lab.filesystems import Disk, disk
from program import backupjump
from rsync_world import remote_shell
from store_world import make_store, write

pytestmark = [pytest.mark.lab, pytest.mark.needs_root]

USER = 12345


@contextmanager
def users_disk(*options: str) -> Iterator[Path]:
    """Give a folder of a plain user on a btrfs that is mounted with `options`, where that user can get at it."""
    with tempfile.TemporaryDirectory(prefix="backupjump-test-") as name:
        Path(name).chmod(0o755)
        with disk("btrfs", Path(name) / "disk") as made:
            made.remount(*options)
            mine = made.folder / "mine"
            mine.mkdir()
            os.chown(mine, USER, USER)
            yield mine


def as_plain_user(work: Callable[[], object]) -> None:
    """Do `work` in a process of a plain user; it must end well."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.setgroups([])
            os.setgid(USER)
            os.setuid(USER)
            work()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


@pytest.mark.parametrize(
    ("filesystem", "kind", "why"),
    [
        ("btrfs", StoreKind.BTRFS, "subvolumes work here"),
        ("ext4", StoreKind.HARDLINK, "not btrfs"),
        ("xfs", StoreKind.HARDLINK, "not btrfs"),
    ],
)
def test_auto_picks_what_works_and_says_why(tmp_path: Path, filesystem: str, kind: StoreKind, why: str) -> None:
    with disk(filesystem, tmp_path / "disk") as made:
        store = made.folder / "store"
        store.mkdir()

        said = init_store(store)

        assert (said.marker.kind, read_marker(store).kind) == (kind, kind)
        assert why in said.kind_why
        assert sorted(path.name for path in store.iterdir()) == [
            "RESTORE-WITHOUT-BACKUPJUMP.txt", "backupjump-store.json",
        ]  # fmt: skip


def test_a_store_of_btrfs_on_another_filesystem_is_refused_with_nothing_left_behind(tmp_path: Path) -> None:
    with disk("ext4", tmp_path / "disk") as made:
        store = made.folder / "store"
        store.mkdir()

        with pytest.raises(StoreError, match="not btrfs"):
            init_store(store, kind="btrfs")

        assert list(store.iterdir()) == []


@pytest.mark.parametrize("options", [(), ("user_subvol_rm_allowed",)], ids=["by default", "may delete subvolumes"])
def test_a_plain_user_pulls_goes_on_and_prunes_whatever_the_mount_allows(options: tuple[str, ...]) -> None:
    with users_disk(*options) as mine:
        folder = JobFolder(mine / "store", "desktop", "nightly")

        def work() -> None:
            home = mine / "home"
            write(home / "read-only", mode=0o400)
            write(home / "file")
            (home / "deep").mkdir(mode=0o700)
            write(home / "deep" / "file")
            (home / "deep").chmod(0o555)
            (home / "link").symlink_to("file")
            (home / "again").hardlink_to(home / "file")
            assert probe(mine).no_subvolumes_why == ""
            make_store(folder.store, ownership=Ownership.FAKE_SUPER, kind=StoreKind.BTRFS)
            shell = remote_shell(mine)
            first = pull(folder, shell, home).snapshot
            before = fingerprint(first.path)
            write(home / "new", mode=0o444).rename(home / "read-only")
            (home / "again").unlink()
            write(home / "again", b"own now", mtime=5)
            pull(folder, shell, home)
            third = pull(folder, shell, home)
            assert (third.counts.files_changed, third.counts.files_total) == (0, 4)
            assert fingerprint(first.path) == before
            assert (in_tree(third.snapshot.tree, home) / "again").read_bytes() == b"own now"
            throw_away(folder, [each.id for each in list_snapshots(folder)[:2]])
            empty_trash(folder, wait=True)

        as_plain_user(work)

        assert list(folder.trash.iterdir()) == []
        (left,) = folder.snapshots.iterdir()
        assert subvolume.is_subvolume(left / "tree")


@pytest.fixture
def btrfs_store(lab: Lab) -> Iterator[Disk]:
    """The lab's store on a btrfs of its own."""
    with disk("btrfs", lab.store, mebibytes=512, image=lab.folder / "store.image") as made:
        yield made


def run(config: Path) -> dict[str, object]:
    said = backupjump(config, "run", "nightly", "--json")
    assert said.code in (0, 3), said
    found: dict[str, object] = json.loads(said.out)
    return found


def test_runs_through_the_tunnel_a_preview_and_a_restore(lab: Lab, btrfs_store: Disk) -> None:
    make_home(lab.home, unreadable=False)
    config = lab.server_config()
    made = backupjump(config, "store", "init")
    lab.open_tunnel()

    first = run(config)
    snapshot = lab.store / "desktop/nightly/snapshots" / str(first["snapshot"])
    before = fingerprint(snapshot)
    (lab.home / "changed.txt").write_text("new\n")
    preview = backupjump(config, "run", "nightly", "--dry-run")
    second = run(config)
    restored = lab.folder / "restored"
    said = backupjump(config, "restore", "nightly", "--to", str(restored))

    assert "kind        btrfs" in made.out
    assert preview.code == 0, preview
    assert "changed.txt" in preview.out
    assert said.code == 0, said
    assert fingerprint(snapshot) == before
    assert second["files_linked"] == first["files_total"]
    assert second["files_new"] == 1
    assert fingerprint(restored / lab.home.relative_to("/")) == fingerprint(lab.home)
    assert subvolume.is_subvolume(lab.store / "desktop/nightly/snapshots" / str(second["snapshot"]) / "tree")
