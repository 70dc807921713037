"""Staging and publishing: a fresh tree each time, there whole or not there."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path

import pytest

from backupjump.errors import StoreError
from backupjump.run import Run, Status
from backupjump.store.layout import JobFolder
from backupjump.store.manifest import sha256_of
from backupjump.store.publish import publish, record
from backupjump.store.reaper import reap
from backupjump.store.snapshots import list_snapshots
from backupjump.store.stage import discard_if_empty, stage
from backupjump.store.staging import Staging
from backupjump.store.store import Store
from fingerprint import fingerprint
from store_world import AT, RUN, attempt, make_store, opened, take, write

ID = "2026-11-22T02-30-00Z"


@pytest.fixture
def folder(tmp_path: Path) -> JobFolder:
    return make_store(tmp_path / "store")


def one_file(staging: Staging) -> None:
    write(staging.tree / "home/me/notes")


def nothing(_staging: Staging) -> None:
    pass


def test_a_fresh_attempt_has_a_private_folder_with_each_source_at_its_own_path(folder: JobFolder) -> None:
    staging = attempt(folder, nothing, sources=("/home/me", "/home/you", "/srv/with space"))

    modes = {name: found.mode for name, found in fingerprint(staging.path).items()}
    assert modes == {
        ".": "drwx------",
        "run.json": modes["run.json"],
        "tree": modes["tree"],
        "tree/home": "drwxr-xr-x",
        "tree/home/me": "drwxr-xr-x",
        "tree/home/you": "drwxr-xr-x",
        "tree/srv": "drwxr-xr-x",
        "tree/srv/with space": "drwxr-xr-x",
    }
    assert json.loads((staging.path / "run.json").read_text())["sources"] == [
        "/home/me",
        "/home/you",
        "/srv/with space",
    ]


def test_ids_are_never_given_twice_also_not_while_something_lies_in_work(folder: JobFolder) -> None:
    first = take(folder, one_file).snapshot
    second = attempt(folder, one_file)
    third = take(folder, one_file).snapshot

    assert (first.id, second.id, third.id) == (ID, f"{ID}-2", f"{ID}-3")


def test_a_published_snapshot_has_its_tree_its_manifest_and_its_meta_and_nothing_else(folder: JobFolder) -> None:
    published = take(folder, one_file)

    path = folder.snapshots / ID
    assert {each.name for each in path.iterdir()} == {"tree", "manifest.jsonl.zst", "meta.json"}
    assert path.stat().st_mode & 0o7777 == 0o700
    meta = json.loads((path / "meta.json").read_text())
    assert meta["manifest"] == {"sha256": sha256_of(path / "manifest.jsonl.zst"), "entries": 2}
    assert (meta["format"], meta["base"], meta["sources"], meta["how"]) == (1, None, ["/home/me"], {"rsync": "3.5.0"})
    run = Run.from_json(meta["run"])
    assert run == published.run
    assert (run.snapshot, run.files_total, run.files_new, run.bytes_total) == (ID, 1, 1, 7)
    assert list(folder.work.iterdir()) == list(folder.trash.iterdir()) == []


def test_latest_is_a_link_that_still_leads_there_when_the_disk_is_mounted_elsewhere(folder: JobFolder) -> None:
    take(folder, one_file)

    assert str(folder.latest.readlink()) == f"snapshots/{ID}"


def test_a_folder_in_the_place_of_latest_is_named_with_what_to_do_about_it(folder: JobFolder) -> None:
    take(folder, one_file)
    folder.latest.unlink()
    folder.latest.mkdir()

    with pytest.raises(StoreError, match=r"latest is a folder, where a link .* belongs") as refused:
        attempt(folder, one_file)

    assert str(folder.latest) in refused.value.hint
    assert not os.path.lexists(folder.path / ".latest.new")


def test_a_suspect_snapshot_is_published_and_built_on_but_latest_and_the_last_good_one_stay(folder: JobFolder) -> None:
    take(folder, one_file)
    suspect = take(folder, nothing, status=Status.SUSPECT).snapshot

    staging = attempt(folder, nothing)

    assert suspect.id == f"{ID}-2"
    assert str(folder.latest.readlink()) == f"snapshots/{ID}"
    assert staging.base is not None
    assert staging.last_good is not None
    assert (staging.base.id, staging.last_good.id) == (suspect.id, ID)


def test_rsync_may_link_to_the_last_good_snapshot_first_and_then_to_the_newest_attempts(folder: JobFolder) -> None:
    good = take(folder, one_file).snapshot
    older = [attempt(folder, one_file), attempt(folder, one_file)]

    staging = attempt(folder, nothing)

    trees = [good.tree, older[1].tree, older[0].tree]
    assert list(staging.link_dests("/home/me")) == [tree / "home/me" for tree in trees]


def test_only_folders_that_exist_are_named_since_rsync_copies_everything_otherwise(folder: JobFolder) -> None:
    take(folder, one_file)
    elsewhere = attempt(folder, nothing, sources=("/srv",))

    staging = attempt(folder, nothing, sources=("/home/me", "/srv", "/new"))

    assert len(staging.link_dests("/home/me")) == 1
    assert staging.link_dests("/srv") == (elsewhere.tree / "srv",)
    assert staging.link_dests("/new") == ()


def test_rsync_never_gets_more_link_dests_than_it_takes_and_older_attempts_are_dropped(folder: JobFolder) -> None:
    take(folder, one_file)
    attempts = [attempt(folder, one_file) for _ in range(22)]

    staging = attempt(folder, nothing)

    dests = staging.link_dests("/home/me")
    assert len(dests) == 20
    assert dests[1] == attempts[-1].tree / "home/me"
    assert not attempts[0].path.exists()


def test_publishing_removes_the_older_attempts_and_leaves_their_shared_files_alone(folder: JobFolder) -> None:
    before = take(folder, one_file).snapshot

    def link(staging: Staging) -> None:
        (staging.tree / "home/me/notes").hardlink_to(before.tree / "home/me/notes")
        (staging.tree / "home/me").chmod(0o555)

    seen = fingerprint(before.path)
    attempt(folder, link)
    take(folder, link)
    reap(folder)

    assert list(folder.work.iterdir()) == list(folder.trash.iterdir()) == []
    assert fingerprint(before.path) == seen


class FailingStore(Store):
    """A store on a disk that does not keep what was written to it."""

    def sync(self) -> None:
        raise StoreError("Input/output error")


def test_when_the_disk_fails_nothing_is_published_and_nothing_links_to_the_attempt(folder: JobFolder) -> None:
    take(folder, one_file)
    with opened(folder) as store:
        failing = FailingStore(store.path, store.marker, store._fd)
        staging = stage(failing, folder, sources=("/home/me",), run_id="r2", now=AT)
        one_file(staging)

        with pytest.raises(StoreError, match="Input/output"):
            publish(failing, record(failing, staging, hashes={}), run=RUN, how={})

    assert [snapshot.id for snapshot in list_snapshots(folder)] == [ID]
    assert list(folder.work.iterdir()) == []


def test_a_snapshot_never_takes_the_place_of_a_folder_that_is_there(folder: JobFolder) -> None:
    with opened(folder) as store:
        staging = stage(store, folder, sources=("/home/me",), run_id="r2", now=AT)
        (folder.snapshots / staging.id).mkdir()

        with pytest.raises(StoreError, match="already there"):
            publish(store, record(store, staging, hashes={}), run=RUN, how={})

    assert list((folder.snapshots / staging.id).iterdir()) == []


def test_what_a_crash_left_is_finished_by_the_next_attempt(folder: JobFolder) -> None:
    take(folder, one_file)
    newest = take(folder, one_file).snapshot
    folder.latest.unlink()
    folder.latest.symlink_to(f"snapshots/{ID}")
    (folder.path / ".latest.new").symlink_to("nowhere")

    attempt(folder, nothing)

    assert str(folder.latest.readlink()) == f"snapshots/{newest.id}"
    assert not os.path.lexists(folder.path / ".latest.new")


def test_an_attempt_that_got_nothing_is_removed_and_one_that_got_anything_stays(folder: JobFolder) -> None:
    empty = attempt(folder, lambda staging: (staging.tree / "home/me/folder").mkdir())
    link = attempt(folder, lambda staging: (staging.tree / "home/me/link").symlink_to("x"))

    for staging in (empty, link):
        discard_if_empty(staging)

    assert [path.name for path in folder.work.iterdir()] == [link.id]


def test_an_attempt_later_in_the_day_builds_on_the_newest_one(folder: JobFolder) -> None:
    take(folder, one_file)
    with opened(folder) as store:
        later = stage(store, folder, sources=("/home/me",), run_id="r2", now=AT + timedelta(hours=1))
        published = publish(store, record(store, later, hashes={}), run=RUN, how={})

    assert published.snapshot.id == "2026-11-22T03-30-00Z"
    assert json.loads((published.snapshot.path / "meta.json").read_text())["base"] == ID


def test_names_in_work_that_are_not_ours_are_left_alone(folder: JobFolder) -> None:
    take(folder, one_file)
    note = write(folder.work / "README")

    take(folder, one_file)

    assert note.exists()
