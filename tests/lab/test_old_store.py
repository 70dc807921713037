"""A store as the first version wrote it, without any later key: every command reads it, a run goes on from it."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

import pytest
import zstandard

from backupjump.demo.lab import Lab
from backupjump.demo.roles import job_yaml
from fingerprint import fingerprint
from program import Said, backupjump

pytestmark = pytest.mark.lab

# Written out, and not by the program's own writers: these are what must stay readable.
UUID = "0b6ef0a5-3b0c-4c3e-9a39-6a0f0d1c2b3a"
IDS = ("2026-01-02T02-30-00Z", "2026-01-03T02-30-00Z")
MARKER = {
    "format": 1,
    "uuid": UUID,
    "timezone": "Europe/Paris",
    "ownership": "native",
    "capabilities": {"hard_links": True, "xattrs": True, "acls": True, "nanoseconds": True},
    "created_at": "2026-01-01T00:00:00Z",
}


def run_json(id_: str) -> dict[str, object]:
    return {
        "schema": 1,
        "run_id": f"run of {id_}",
        "job": "nightly",
        "desktop": "desktop",
        "route": "proxyjump",
        "status": "ok",
        "exit_code": 0,
        "snapshot": id_,
        "started_at": "2026-01-02T02:30:00Z",
        "ended_at": "2026-01-02T02:31:00Z",
        "attempts": 1,
        "files_total": 1,
        "bytes_total": 7,
        "files_new": 1,
        "files_changed": 0,
        "files_deleted": 0,
        "files_linked": 0,
        "bytes_received": 99,
        "warnings": [],
        "error": None,
    }


def entry_json(path: str, on_disk: Path) -> dict[str, object]:
    status = on_disk.stat()
    is_file = on_disk.is_file()
    values: dict[str, object] = {
        "path": path,
        "type": "file" if is_file else "dir",
        "mode": f"{status.st_mode & 0o7777:04o}",
        "uid": status.st_uid,
        "gid": status.st_gid,
        "size": status.st_size if is_file else 0,
        "mtime_ns": status.st_mtime_ns,
        "nlink": status.st_nlink,
        "ino": status.st_ino,
    }
    if is_file:
        values["hash"] = "sha256:" + hashlib.sha256(on_disk.read_bytes()).hexdigest()
    return values


def write_snapshot(job: Path, id_: str, home: Path, *, base: str | None) -> None:
    """Write a snapshot of `home`, which has one file."""
    snapshot = job / "snapshots" / id_
    inside = home.relative_to("/")
    stored = snapshot / "tree" / inside
    stored.mkdir(parents=True)
    if base is None:
        (stored / "file").write_bytes((home / "file").read_bytes())
        (stored / "file").chmod((home / "file").stat().st_mode & 0o7777)
        mtime = (home / "file").stat().st_mtime_ns
        os.utime(stored / "file", ns=(mtime, mtime))
    else:
        (stored / "file").hardlink_to(job / "snapshots" / base / "tree" / inside / "file")
    lines = [{"format": 1}, entry_json(str(inside), stored), entry_json(f"{inside}/file", stored / "file")]
    text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
    manifest = zstandard.ZstdCompressor().compress(text.encode("ascii"))
    (snapshot / "manifest.jsonl.zst").write_bytes(manifest)
    meta = {
        "format": 1,
        "run": run_json(id_),
        "base": base,
        "sources": [str(home)],
        "route": "proxyjump",
        "how": {"backupjump": "0.1.0", "rsync": {"server": "3.2.7", "desktop": "3.2.7"}, "vanished": [], "errors": []},
        "manifest": {"sha256": hashlib.sha256(manifest).hexdigest(), "entries": 2},
        "counts": {
            "files_total": 1,
            "bytes_total": 7,
            "files_new": 1,
            "files_changed": 0,
            "files_deleted": 0,
            "files_linked": 0,
            "bytes_new": 7,
        },
    }
    (snapshot / "meta.json").write_text(json.dumps(meta, indent=1))


@dataclass(frozen=True)
class Old:
    lab: Lab
    config: Path
    job: Path

    def say(self, *words: str) -> Said:
        return backupjump(self.config, *words)


@pytest.fixture
def old(lab: Lab) -> Old:
    """A store with two snapshots of one file, a link for `latest` and the runs, and nothing that is newer."""
    (lab.home / "file").write_bytes(b"content")
    config = lab.server_config(jobs={"nightly": job_yaml((lab.home,)) + "keep: {last: 9}\n"})
    (lab.store / "backupjump-store.json").write_text(json.dumps(MARKER))
    job = lab.store / "desktop/nightly"
    for id_, base in zip(IDS, (None, IDS[0]), strict=True):
        write_snapshot(job, id_, lab.home, base=base)
    (job / "latest").symlink_to(f"snapshots/{IDS[1]}")
    (job / "runs.jsonl").write_text("".join(json.dumps(run_json(id_)) + "\n" for id_ in IDS))
    return Old(lab, config, job)


def test_every_command_reads_it(old: Old) -> None:
    home = str(old.lab.home)
    target = old.lab.folder / "restored"

    snapshots = old.say("snapshots", "nightly", "--json")
    listed = old.say("ls", "nightly", home, "--json")
    earlier = old.say("ls", "nightly", home, "--at", "2026-01-02")
    history = old.say("history", "nightly", "--json")
    status = old.say("status", "--json")
    restored = old.say("restore", "nightly", "--to", str(target))
    pruned = old.say("prune", "nightly", "--dry-run")
    held = old.say("hold", "nightly", IDS[0])

    assert [(each["id"], each["status"], each["bytes_new"]) for each in snapshots.json] == [
        (id_, "ok", 7) for id_ in IDS
    ]
    assert [each["path"] for each in listed.json] == [f"{home}/file"]
    assert [run["snapshot"] for run in history.json] == list(IDS)
    assert status.json[0]["last_good_at"] == "2026-01-03T02:30:00Z"
    assert (target / home.lstrip("/") / "file").read_bytes() == b"content"
    assert [said.code for said in (snapshots, listed, earlier, history, restored, pruned, held)] == [0] * 7


def test_a_run_goes_on_from_it_and_leaves_it_as_it_was(old: Old) -> None:
    before = {id_: fingerprint(old.job / "snapshots" / id_) for id_ in IDS}
    (old.lab.home / "second").write_bytes(b"new")
    old.lab.open_tunnel()

    said = old.say("run", "nightly", "--json")

    run = said.json
    assert (said.code, run["files_new"], run["files_linked"]) == (0, 1, 1)
    assert {id_: fingerprint(old.job / "snapshots" / id_) for id_ in IDS} == before
    assert (old.job / "latest").readlink() == Path("snapshots") / run["snapshot"]
    assert [each["id"] for each in old.say("snapshots", "nightly", "--json").json] == [*IDS, run["snapshot"]]
    stored = f"tree/{str(old.lab.home).lstrip('/')}/file"
    assert (old.job / "latest" / stored).samefile(old.job / "snapshots" / IDS[0] / stored)


def test_a_store_of_a_newer_format_is_refused_by_all_and_not_touched(old: Old) -> None:
    (old.lab.store / "backupjump-store.json").write_text(json.dumps({**MARKER, "format": 99}))
    before = fingerprint(old.lab.store)

    said = [old.say(*words) for words in (("run", "nightly"), ("ls", "nightly"), ("status",), ("prune", "nightly"))]

    assert [each.code for each in said] == [1, 1, 1, 1]
    assert all("is a store of format 99" in each.out + each.err for each in said)
    assert fingerprint(old.lab.store) == before
