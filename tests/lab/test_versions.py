"""`versions` over snapshots that a real rsync filled: a file is found as it was, whatever has become of it since."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from base64 import b64decode
from collections.abc import Mapping
from pathlib import Path

import pytest

from backupjump.cli.main import run_cli
from backupjump.config.models import StoreKind
from backupjump.operations.site import open_site
from backupjump.operations.versions import versions_of
from backupjump.run import Status
from backupjump.store.manifest import find_entry
from backupjump.store.trash import throw_away
from btrfs_world import pull
from find_world import Job, make_job
from lab.filesystems import disk
from program import argv
from rsync_world import ODD_NAMES, remote_shell
from store_world import WRITTEN_AT, make_store, opened, write

pytestmark = pytest.mark.lab


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return make_job(tmp_path)


def test_a_file_is_found_as_it_was_before_it_changed_and_the_printed_line_brings_it_back(
    job: Job, tmp_path: Path
) -> None:
    notes = write(job.home / "notes", b"right")
    ids = [job.snap(), job.snap()]
    write(notes, b"wrong!", mtime=WRITTEN_AT + 9)
    ids.append(job.snap(Status.SUSPECT))

    listed = job.say("versions", "nightly", notes, "--json")
    told = job.say("versions", "nightly", notes)
    command = told.out.splitlines()[-1]
    back = subprocess.run(
        ["bash", "-c", command.replace("backupjump", '"$@"', 1).replace("DIR", str(tmp_path / "back"))]
        + ["bash", *argv(job.config)],
        check=False,
        timeout=60,
    )

    before, now = listed.json
    assert (before["snapshots"], now["snapshots"]) == (ids[:2], ids[2:])
    assert (before["last_seen_at"], before["size"], before["suspect"]) == ("2026-11-23T02:30:00Z", 5, False)
    assert now["suspect"] is True
    assert "only in suspect snapshots; now" in told.out
    assert back.returncode == 0
    assert (tmp_path / "back" / notes.relative_to("/")).read_bytes() == b"right"


def test_what_vanished_changed_its_kind_or_only_its_mode_is_told_as_such(job: Job) -> None:
    path = write(job.home / "path", b"one", mode=0o644)
    (job.home / "other").hardlink_to(write(job.home / "linked"))
    first = job.snap()
    path.chmod(0o600)
    second = job.snap()
    path.unlink()
    third = job.snap()
    path.symlink_to("\x1b[31mother")
    fourth = job.snap()
    path.unlink()
    path.mkdir()
    fifth = job.snap()

    listed = job.say("versions", "nightly", path, "--json")
    told = job.say("versions", "nightly", path)

    file, link, folder = listed.json
    assert [each["type"] for each in listed.json] == ["file", "symlink", "dir"]
    assert (file["snapshots"], file["gone_in"], file["metadata_changed_in"]) == ([first, second], [third], [second])
    assert (link["snapshots"], folder["snapshots"]) == ([fourth], [fifth])
    assert "a symlink -> \\x1b[31mother" in told.out
    assert f"gone in {third}" in told.out
    assert job.say("versions", "nightly", job.home / "other", "--json").json[0]["size"] == len(b"content")


def test_any_name_is_found_and_shown_harmlessly(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    paths = [Path(os.fsdecode(os.fsencode(job.home) + b"/" + name)) for name in ODD_NAMES]
    for path in paths:
        path.write_bytes(b"in it")
    job.snap()

    for path in paths:
        assert run_cli(["--config", str(job.config), "versions", "nightly", str(path)]) == 0
        told = capsys.readouterr().out
        assert run_cli(["--config", str(job.config), "versions", "nightly", str(path), "--json"]) == 0
        (listed,) = json.loads(capsys.readouterr().out)

        assert (b64decode(listed["path_b64"]), listed["size"]) == (os.fsencode(path), 5)
        assert told.replace("\n", "").isprintable()
        assert len(told.splitlines()) == 4


def test_a_path_that_never_was_and_a_folder_are_refused_with_what_to_type(job: Job) -> None:
    write(job.home / "docs" / "letter")
    none = job.say("versions", "nightly", job.home / "docs" / "letter")
    job.snap()

    wrong = job.say("versions", "nightly", job.home / "docs" / "lettre", "--json")
    folder = job.say("versions", "nightly", job.home / "docs")
    above = job.say("versions", "nightly", job.home.parent)
    root = job.say("versions", "nightly", "/")

    assert [each.code for each in (none, wrong, folder, above, root)] == [2] * 5
    assert "backupjump run nightly" in none.err
    assert (wrong.out, f"did you mean {job.home}/docs/letter?" in wrong.err) == ("", True)
    assert f"backupjump ls nightly {job.home}/docs lists it" in folder.err
    assert "is a folder" in above.err
    assert "is a folder" in root.err


def test_a_link_of_the_desktop_on_the_way_is_not_followed(job: Job) -> None:
    write(job.home / "docs" / "passwd", b"mine")
    job.snap()
    (job.home / "docs" / "passwd").unlink()
    (job.home / "docs").rmdir()
    (job.home / "docs").symlink_to("/etc")
    second = job.snap()

    (mine,) = job.say("versions", "nightly", job.home / "docs" / "passwd", "--json").json

    assert (mine["size"], mine["gone_in"]) == (4, [second])


def test_a_source_that_the_job_has_no_longer_is_not_told_as_a_loss(job: Job) -> None:
    path = write(job.home / "file")
    write(job.home / "docs" / "letter")
    job.snap()
    second = job.snap(source=job.home / "docs")

    assert f"no longer backed up in {second}" in job.say("versions", "nightly", path).out


@pytest.mark.needs_root
def test_it_is_the_same_with_subvolumes_also_for_names_of_one_file(tmp_path: Path) -> None:
    with disk("btrfs", tmp_path / "disk") as store_disk:
        job = make_job(tmp_path, store=store_disk.folder / "store")
        make_store(job.folder.store, kind=StoreKind.BTRFS)
        shell = remote_shell(tmp_path)
        paths = [write(job.home / name, b"one") for name in ("file", "linked")]
        (job.home / "other name").hardlink_to(job.home / "linked")
        for day in range(4):
            if day == 2:
                for path in paths:
                    write(path, b"two", mtime=WRITTEN_AT + 1)
            job.taken.append(pull(job.folder, shell, job.home).snapshot)

        for path in (*paths, job.home / "other name"):
            found = versions_of(open_site(job.config), "nightly", str(path)).versions
            ids = [each.id for each in job.taken]
            assert [[each.id for each in version.snapshots] for version in found] == [ids[:2], ids[2:]]


def test_tab_completes_the_ids_of_the_job_that_was_typed(job: Job) -> None:
    write(job.home / "file")
    ids = [job.snap(), job.snap()]
    words = f"backupjump --config {job.config} diff nightly 2026"

    tab = {"_BACKUPJUMP_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": "5"}
    unknown = {**tab, "COMP_WORDS": words.replace("nightly", "other")}

    assert complete(job, tab) == [f"plain,{id_}" for id_ in ids]
    assert complete(job, {**tab, "COMP_WORDS": words.replace("2026", "la")}) == ["plain,latest"]
    assert complete(job, unknown) == []


def complete(job: Job, env: Mapping[str, str]) -> list[str]:
    program = Path(sys.executable).with_name("backupjump")
    done = subprocess.run(
        [program],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        cwd=job.folder.store,
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_a_snapshot_whose_manifest_is_damaged_is_told_of_and_the_others_are_listed(job: Job) -> None:
    path = write(job.home / "file", b"one")
    first = job.snap()
    write(path, b"two", mtime=WRITTEN_AT + 1)
    second = job.snap()
    write(path, b"three", mtime=WRITTEN_AT + 2)
    third = job.snap()
    manifest = job.folder.snapshots / second / "manifest.jsonl.zst"
    manifest.write_bytes(manifest.read_bytes()[:-9])

    listed = job.say("versions", "nightly", path, "--json")

    assert [each["snapshots"] for each in listed.json] == [[first], [third]]
    assert f"{second} can't tell: manifest.jsonl.zst is damaged" in listed.err
    assert listed.code == 0


def test_what_the_manifest_says_counts_and_not_what_the_tree_has_lost(job: Job) -> None:
    path = write(job.home / "file", b"one")
    ids = [job.snap(), job.snap(), job.snap()]
    (job.folder.snapshots / ids[1] / "tree" / path.relative_to("/")).unlink()

    (version,) = job.say("versions", "nightly", path, "--json").json

    assert version["snapshots"] == ids


def test_a_snapshot_that_a_prune_takes_meanwhile_is_passed_over(job: Job) -> None:
    path = write(job.home / "file")
    ids = [job.snap(), job.snap(), job.snap()]

    def prune(done: int, _total: int) -> None:
        if done == 1:
            with opened(job.folder):
                assert throw_away(job.folder, [ids[1]]) == (ids[1],)

    found = versions_of(open_site(job.config), "nightly", str(path), on_progress=prune)

    assert [each.id for each in found.versions[0].snapshots] == [ids[0], ids[2]]
    assert found.untold == ()


def test_the_answer_is_the_manifests_own_also_where_only_a_few_were_read(job: Job) -> None:
    names = [f"f{number}" for number in range(5)]
    for day in range(8):
        for number, name in enumerate(names):
            path = job.home / name
            if (day + number) % 3 == 0:
                path.unlink(missing_ok=True)
            else:
                write(path, b"%d" % (day // (number + 1)), mtime=WRITTEN_AT + day // (number + 1))
        job.snap()

    for name in names:
        listed = versions_of(open_site(job.config), "nightly", str(job.home / name)).versions
        told = {snapshot.id: each.entry.hash for each in listed for snapshot in each.snapshots}
        truth = {
            each.id: entry.hash
            for each in job.taken
            if (entry := find_entry(each.manifest, os.fsencode(job.home / name)[1:])) is not None
        }
        assert told == truth
