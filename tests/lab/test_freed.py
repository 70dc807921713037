"""What `snapshots --freed` and `prune --dry-run` promise, beside what a real disk then has free."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from backupjump.config.models import StoreKind
from backupjump.operations.freed import freed_alone, freed_together
from backupjump.operations.site import open_site
from backupjump.store.freed import Freed
from backupjump.store.layout import JobFolder
from backupjump.store.subvolume import is_subvolume
from backupjump.store.trash import empty_trash, throw_away
from btrfs_world import pull
from find_world import Job, make_job
from lab.filesystems import command, disk
from rsync_world import remote_shell
from store_world import WRITTEN_AT, make_store, opened, write

pytestmark = pytest.mark.lab


def three_days(job: Job, snap: Callable[[], object]) -> None:
    """Take three snapshots: much that stays, something new each day, and what only the two first have."""
    write(job.home / "stays", os.urandom(3_000_000))
    write(job.home / "both", os.urandom(2_000_000))
    for day in range(3):
        write(job.home / "today", os.urandom(1_500_000), mtime=WRITTEN_AT + day)
        write(job.home / f"day {day % 2}", os.urandom(1_000_000 + day), mtime=WRITTEN_AT + day)
        if day == 2:
            (job.home / "both").unlink()
        for number in range(50):
            write(job.home / f"folder {number}" / "small", os.urandom(10) if number == day else b"small")
        snap()


def delete(folder: JobFolder, *ids: str) -> int:
    """Delete snapshots for good and return how many bytes the filesystem has got back."""
    command("sync", "-f", folder.store)
    before = free_bytes(folder.store)
    with opened(folder):
        assert throw_away(folder, ids) == ids
    empty_trash(folder, wait=True)
    if is_subvolume(folder.snapshots / folder.latest.readlink().name / "tree"):
        command("btrfs", "subvolume", "sync", folder.store)
    command("sync", "-f", folder.store)
    return free_bytes(folder.store) - before


def free_bytes(path: Path) -> int:
    status = os.statvfs(path)
    return status.f_bfree * status.f_frsize


def promised(job: Job, *ids: str) -> Freed:
    return freed_together(open_site(job.config), "nightly", ids, on_progress=lambda _done, _of: None)


@pytest.mark.needs_root
def test_on_ext4_it_is_what_the_disk_has_free_afterwards_to_the_block(tmp_path: Path) -> None:
    with disk("ext4", tmp_path / "disk") as store_disk:
        job = make_job(tmp_path, store=store_disk.folder / "store")
        three_days(job, job.snap)
        first, second, third = (each.id for each in job.taken)

        alone = freed_alone(open_site(job.config), "nightly")
        both = promised(job, first, second)
        got = delete(job.folder, first, second)
        last = promised(job, third)

        assert both.size_bytes == got
        assert not both.at_least
        assert (alone[first].size_bytes or 0) + (alone[second].size_bytes or 0) < got - 1_900_000
        assert last.size_bytes == delete(job.folder, third)


@pytest.mark.needs_root
def test_on_btrfs_it_is_about_what_the_disk_has_free_afterwards_and_never_more(tmp_path: Path) -> None:
    with disk("btrfs", tmp_path / "disk", mebibytes=512) as store_disk:
        job = make_job(tmp_path, store=store_disk.folder / "store")
        make_store(job.folder.store, kind=StoreKind.BTRFS)
        shell = remote_shell(tmp_path)
        three_days(job, lambda: job.taken.append(pull(job.folder, shell, job.home).snapshot))
        first, second, _third = (each.id for each in job.taken)
        command("sync", "-f", job.folder.store)

        alone = freed_alone(open_site(job.config), "nightly")
        both = promised(job, first, second)
        got = delete(job.folder, first)
        left = promised(job, second)
        rest = delete(job.folder, second)

        assert alone[first].size_bytes is not None
        assert 0.9 * got < alone[first].size_bytes < 1.1 * got + 100_000
        assert left.size_bytes is not None
        assert 0.9 * rest < left.size_bytes < 1.1 * rest + 100_000
        assert both.at_least
        assert both.size_bytes is not None
        assert both.size_bytes <= got + rest


def test_the_commands_say_it_and_a_damaged_one_is_not_known(tmp_path: Path) -> None:
    job = make_job(tmp_path, more="keep: {last: 1}\n")
    three_days(job, job.snap)

    table = job.say("snapshots", "nightly", "--freed")
    listed = job.say("snapshots", "nightly", "--freed", "--json")
    plain = job.say("snapshots", "nightly", "--json")
    plan = job.say("prune", "nightly", "--dry-run")
    as_json = job.say("prune", "nightly", "--dry-run", "--json")
    manifest = job.folder.snapshots / job.taken[0].id / "manifest.jsonl.zst"
    manifest.write_bytes(b"")
    damaged = job.say("snapshots", "nightly", "--freed", "--json")

    assert table.out.splitlines()[0].split()[-1] == "freed"
    assert all(each["bytes_freed"] > 0 for each in listed.json)
    assert all("bytes_freed" not in each for each in plain.json)
    assert plan.out.splitlines()[-1].startswith("that frees 6.")
    assert [each["pruned"] for each in as_json.json] == [True, True, False]
    assert [each["bytes_freed"] is None for each in damaged.json] == [True, False, False]


def test_with_nothing_to_go_nothing_is_weighed(tmp_path: Path) -> None:
    job = make_job(tmp_path)
    write(job.home / "file")
    job.snap()

    plan = job.say("prune", "nightly", "--dry-run")

    assert "frees" not in plan.out
    assert plan.code == 0
