"""`diff` and `ls` over snapshots that a real rsync filled."""

from __future__ import annotations

import json
import os
import subprocess
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from backupjump.cli.main import run_cli
from backupjump.operations.diff import compared
from backupjump.operations.site import open_site
from backupjump.store.trash import throw_away
from find_world import Job, make_job
from rsync_world import ODD_NAMES
from store_world import WRITTEN_AT, opened, write

pytestmark = pytest.mark.lab


@pytest.fixture
def job(tmp_path: Path) -> Job:
    made = make_job(tmp_path)
    write(made.home / "docs" / "letter", b"dear" * 100)
    write(made.home / "docs" / "moving", b"I move")
    write(made.home / "changing", b"one")
    write(made.home / "kind")
    write(made.home / "one name")
    (made.home / "another name").hardlink_to(made.home / "one name")
    return made


def changed(job: Job) -> None:
    """Let each thing happen that can happen to a file."""
    (job.home / "docs" / "letter").chmod(0o600)
    (job.home / "docs" / "moving").rename(job.home / "moved")
    write(job.home / "changing", b"three", mtime=WRITTEN_AT + 1)
    (job.home / "kind").unlink()
    (job.home / "kind").mkdir()
    (job.home / "one name").unlink()
    write(job.home / "new\x1b[31m" / "file", b"1234")


def test_each_change_is_told_as_what_it_is(job: Job) -> None:
    first = job.snap()
    changed(job)
    second = job.snap()

    listed = job.say("diff", "nightly", "latest~1", "latest", "--json")
    told = job.say("diff", "nightly", first, second)

    home = f"{job.home}/"
    assert {each["path"].removeprefix(home): each["what"] for each in listed.json} == {
        "changing": "changed",
        "docs/letter": "metadata",
        "kind": "type",
        "moved": "moved",
        "new\x1b[31m": "new",
        "new\x1b[31m/file": "new",
        "one name": "deleted",
    }
    moved = next(each for each in listed.json if each["what"] == "moved")
    assert (moved["before"]["path"], moved["now"]["path"]) == (f"{home}docs/moving", f"{home}moved")
    assert set(moved["now"]) == {"path", "path_b64", "type", "mode", "size", "mtime"}
    assert (listed.code, told.code) == (0, 0)
    assert f"{first} -> {second}: 2 new, 1 changed, 1 metadata, 1 type, 1 moved, 1 deleted; -8 B" in told.out
    assert f"metadata  {home}docs/letter  rw-r--r-- -> rw-------" in told.out
    assert f"moved     {home}moved  was {home}docs/moving" in told.out
    assert f"type      {home}kind  file -> dir" in told.out
    assert f"changed   {home}changing  3 B -> 5 B" in told.out
    assert f"new       {home}new\\x1b[31m/\n" in told.out
    assert "\x1b" not in told.out


def test_a_path_narrows_it_and_the_long_list_is_cut(job: Job) -> None:
    first = job.snap()
    changed(job)
    for number in range(60):
        write(job.home / "many" / f"{number:02}", b"%d" % number)
    second = job.snap()

    docs = job.say("diff", "nightly", first, second, job.home / "docs")
    short = job.say("diff", "nightly", first, second)
    full = job.say("diff", "nightly", first, second, "--all")
    back = job.say("diff", "nightly", second, first, job.home / "many")
    same = job.say("diff", "nightly", first, first)

    assert f"in {job.home}/docs: 1 metadata, 1 deleted; -6 B" in docs.out
    assert short.out.endswith("18 more: --all shows them\n")
    assert full.out.count("\nnew       /") == 63
    assert "61 deleted" in back.out
    assert same.out.endswith("nothing differs\n")


def test_what_cannot_be_compared_is_said(job: Job) -> None:
    first, second = job.snap(), job.snap()

    wrong = job.say("diff", "nightly", "latest~1", "latest", job.home / "dcos")
    none = job.say("diff", "nightly", "2020", "latest")
    manifest = job.folder.snapshots / first / "manifest.jsonl.zst"
    manifest.write_bytes(manifest.read_bytes()[:-5])
    damaged = job.say("diff", "nightly", first, second)

    assert (wrong.code, none.code, damaged.code) == (2, 2, 1)
    assert "neither snapshot has" in wrong.err
    assert f"did you mean {job.home}/docs?" in wrong.err
    assert f"{first} can't be compared: manifest.jsonl.zst is damaged" in damaged.err
    assert damaged.out == ""


def test_a_prune_passes_over_what_is_compared(job: Job) -> None:
    first = job.snap()
    changed(job)
    job.snap()

    with compared(open_site(job.config), "nightly", first, "latest") as found:
        with opened(job.folder):
            assert throw_away(job.folder, [first]) == ()
        assert found.summary().total == 7
    with opened(job.folder):
        assert throw_away(job.folder, [first]) == (first,)


def test_odd_names_come_through_byte_for_byte_and_are_shown_harmlessly(
    job: Job, capsys: pytest.CaptureFixture[str]
) -> None:
    job.snap()
    for name in ODD_NAMES:
        Path(os.fsdecode(os.fsencode(job.home) + b"/" + name)).write_bytes(b"x")
    job.snap()

    def said(*words: str) -> str:
        assert run_cli(["--config", str(job.config), *words]) == 0
        return capsys.readouterr().out

    listed: list[dict[str, Any]] = json.loads(said("diff", "nightly", "latest~1", "latest", "--json"))
    assert {b64decode(each["path_b64"]).rpartition(b"/")[2] for each in listed} == set(ODD_NAMES)
    for told in (
        said("diff", "nightly", "latest~1", "latest", "--all"),
        said("ls", "nightly", str(job.home), "--sort", "size"),
    ):
        assert told.replace("\n", "").isprintable()


def test_a_folder_is_listed_with_the_size_of_all_that_is_below_it(job: Job) -> None:
    write(job.home / "docs" / "deep" / "er", b"x" * 5000)
    write(job.home / "docs.old", b"x" * 4500)
    job.snap()

    listed = job.say("ls", "nightly", job.home, "--json").json
    by_size = job.say("ls", "nightly", job.home, "--sort", "size").out.splitlines()
    above = job.say("ls", "nightly", "/", "--json").json
    deep = job.say("ls", "nightly", job.home, "-R", "--json").json

    docs = next(each for each in listed if each["path"].endswith("/docs"))
    assert (docs["size"], docs["files_total"], docs["bytes_total"]) == (0, 3, 5406)
    assert [line.split()[-1] for line in by_size[:2]] == ["docs/", "docs.old"]
    du = subprocess.run(["du", "-bs", "--apparent-size", job.home / "docs.old"], check=True, capture_output=True)
    assert next(each["size"] for each in listed if each["path"].endswith("docs.old")) == int(du.stdout.split()[0])
    everything = sum(path.stat().st_size for path in job.home.rglob("*") if path.is_file())
    assert [(each["path"], each["bytes_total"]) for each in above] == [(f"/{job.home.parts[1]}", everything)]
    assert {each["bytes_total"] for each in deep} == {None}
    assert set(docs) == {"path", "path_b64", "type", "mode", "size", "mtime", "files_total", "bytes_total"}
