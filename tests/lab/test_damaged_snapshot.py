"""A snapshot that no longer tells what it is: listed as damaged, kept, not built on; the others as good as before."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path

import pytest

from backupjump.demo.lab import Lab
from backupjump.demo.roles import job_yaml
from backupjump.run import utc_now
from backupjump.store.layout import JobFolder
from fingerprint import fingerprint
from program import backupjump
from store_world import CONFIG, KEY, a_few_files, make_store, take

pytestmark = pytest.mark.lab

DAMAGES = ["meta.json", "manifest.jsonl.zst"]


def spoil(file: Path) -> None:
    """Turn one bit in the middle of a file, which for meta.json leaves JSON only by luck."""
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0x80
    file.write_bytes(content)


@pytest.mark.parametrize("damaged", DAMAGES)
def test_it_is_listed_and_kept_and_the_others_are_usable(tmp_path: Path, damaged: str) -> None:
    folder = make_store(tmp_path / "store")
    ids = [take(folder, a_few_files, at=utc_now() - timedelta(days=days)).snapshot.id for days in (3, 2, 1)]
    config = tmp_path / "backupjump.yaml"
    config.write_text(CONFIG.format(store=folder.store, state=tmp_path / "state", key=KEY))
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs/nightly.yaml").write_text("desktop: desktop\nsources: [/home/me]\nkeep: {last: 1}\n")
    spoil(folder.snapshots / ids[1] / damaged)

    listed = backupjump(config, "snapshots", "nightly")
    pruned = backupjump(config, "prune", "nightly", "--yes")
    older = backupjump(config, "ls", "nightly", "/home/me", "--snapshot", ids[2])
    status = backupjump(config, "status", "--json")

    assert f"{ids[1]} is damaged: {damaged}" in listed.err
    assert (listed.code, pruned.code, older.code) == (0, 0, 0)
    assert sorted(path.name for path in folder.snapshots.iterdir()) == ids[1:]
    assert status.json[0]["state"] == "good"


@pytest.mark.parametrize("damaged", ["meta.json", pytest.param("manifest.jsonl.zst", marks=pytest.mark.long)])
def test_the_next_run_does_not_build_on_it_and_is_whole(lab: Lab, damaged: str) -> None:
    (lab.home / "file").write_text("content")
    config = lab.server_config(jobs={"nightly": job_yaml((lab.home,))})
    assert backupjump(config, "store", "init").code == 0
    lab.open_tunnel()
    first, second = (run_of(config) for _ in range(2))
    folder = JobFolder(lab.store, "desktop", "nightly")
    spoil(folder.snapshots / second / damaged)
    before = fingerprint(folder.snapshots / second)

    third = run_of(config, code=4)

    assert json.loads((folder.snapshots / third / "meta.json").read_text())["base"] == first
    assert fingerprint(folder.snapshots / second) == before
    assert [each["id"] for each in backupjump(config, "snapshots", "nightly", "--json").json] == [first, second, third]
    assert folder.latest.readlink().name == third


@pytest.mark.long
def test_what_has_rotted_in_one_whose_manifest_is_damaged_too_comes_anew(lab: Lab) -> None:
    (lab.home / "file").write_text("content")
    config = lab.server_config(jobs={"nightly": job_yaml((lab.home,))})
    assert backupjump(config, "store", "init").code == 0
    lab.open_tunnel()
    run_of(config)
    late = lab.home / "late"
    late.write_text("came after the first")
    second = JobFolder(lab.store, "desktop", "nightly").snapshots / run_of(config)
    kept = second / "tree" / late.relative_to("/")
    times = kept.stat()
    kept.write_text("cAME AFTER THE FIRST")
    os.utime(kept, ns=(times.st_atime_ns, times.st_mtime_ns))
    spoil(second / "manifest.jsonl.zst")

    third = second.parent / run_of(config, code=4)

    assert (third / "tree" / late.relative_to("/")).read_text() == "came after the first"
    assert kept.read_text() == "cAME AFTER THE FIRST"


def run_of(config: Path, *, code: int = 0) -> str:
    said = backupjump(config, "run", "nightly", "--json")
    assert said.code == code, said
    return str(json.loads(said.out)["snapshot"])
