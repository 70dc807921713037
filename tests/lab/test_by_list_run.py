"""Runs by a list over the real wire, through the real gate: which way each went, why, and what it came to."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from backupjump.demo.lab import Lab
from fingerprint import fingerprint
from gate_world import rsync_that_does_not_confine
from lab.gated import answer_instead, force, gated, listen, meta, nightly, settle, stand
from program import Said, backupjump
from store_world import write

pytestmark = pytest.mark.lab


class Job:
    """A gated Desktop whose files have settled, and a job with a first snapshot."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.world = gated(lab)
        self.home = self.world.home
        settle(self.home)
        self.config = stand(lab, nightly(self.world))
        self.first = self.run()

    def run(self) -> Said:
        said = backupjump(self.config, "-v", "run", "nightly", "--json")
        assert said.code == 0, said
        return said

    def edit(self, **keys: Any) -> None:
        file = self.config.parent / "jobs" / "nightly.yaml"
        file.write_text(json.dumps({**json.loads(file.read_text()), **keys}))

    def transfer(self, said: Said) -> dict[str, Any]:
        found: dict[str, Any] = meta(self.lab, said)["how"]["transfer"]
        return found

    def tree(self, said: Said) -> Path:
        return self.lab.store / "desktop/nightly/snapshots" / said.json["snapshot"] / "tree" / str(self.home)[1:]

    def last_snapshot(self) -> Path:
        return sorted((self.lab.store / "desktop/nightly/snapshots").iterdir())[-1]


def rsyncs(heard: Path) -> list[str]:
    """Return the rsyncs that a gate has been asked for."""
    return [line for line in heard.read_text().splitlines() if line.startswith("rsync")]


@pytest.fixture
def job(lab: Lab) -> Job:
    return Job(lab)


def test_a_run_that_finds_nothing_changed_starts_no_rsync_and_links_all(job: Job) -> None:
    heard = listen(job.lab, job.world)

    said = job.run()

    words = [line.split() for line in heard.read_text().splitlines()]
    assert ["bj1", "list"] in [each[:2] for each in words]
    assert rsyncs(heard) == []
    assert job.transfer(said)["by"] == "list"
    assert said.json["files_linked"] == said.json["files_total"] == job.first.json["files_total"]
    assert fingerprint(job.tree(said)) == fingerprint(job.home)


def test_an_edit_that_keeps_size_and_time_is_asked_for_and_left_to_rsyncs_own_check(job: Job) -> None:
    """Its ctime gives it away; that size and time are the same is as good to rsync as in a whole run."""
    write(job.home / "notes", b"NOTES", mtime=int((job.home / "notes").stat().st_mtime))
    heard = listen(job.lab, job.world)

    said = job.run()

    assert job.transfer(said)["by"] == "list"
    assert len(rsyncs(heard)) == 1


def suspect(job: Job) -> None:
    job.run(), job.run()  # before the third good one no run is suspect
    job.edit(gates={"min_files": 1000})
    (job.home / "notes").unlink()
    said = backupjump(job.config, "run", "nightly", "--json")
    assert said.code == 5, (said.code, said.json["status"], said.err[-500:])
    job.edit(gates={})


def damage(job: Job) -> None:
    (job.last_snapshot() / "tree" / str(job.home)[1:] / "notes").write_text("other")
    assert backupjump(job.config, "verify", "nightly", "--all").code == 4


def forget(job: Job, key: str) -> None:
    path = job.last_snapshot() / "meta.json"
    known = json.loads(path.read_text())
    del known["how"][key]
    path.write_text(json.dumps(known))


def from_the_future(job: Job) -> None:
    path = job.last_snapshot() / "meta.json"
    known = json.loads(path.read_text())
    known["how"]["list"]["at_ns"] += 10**12
    path.write_text(json.dumps(known))


def older_gate(job: Job) -> None:
    told = job.world.told("bj1 probe")
    words = [word for word in told.get("words", []) if word != "list"]
    answer_instead(job.lab, job.world, json.dumps({**told, "words": words}).encode())


def old_rsync(job: Job) -> None:
    program = rsync_that_does_not_confine(job.lab.folder)
    policy = json.loads(job.world.config.read_text())
    policy["gate"]["rsync"] = str(program)
    job.world.config.write_text(json.dumps(policy))


@pytest.mark.parametrize(
    ("happens", "why"),
    [
        (lambda job: job.edit(exclude=["*.tmp"]), "the job's sources or rules were changed"),
        (lambda job: job.edit(full_every="1s"), "all was compared last on"),
        (suspect, "the newest snapshot, is suspect"),
        (damage, "the last good snapshot, is damaged"),
        (lambda job: forget(job, "list"), "the last good snapshot, was made without a list"),
        (lambda job: forget(job, "transfer"), "the last good snapshot, was made without a list"),
        (from_the_future, "the Desktop's clock went back since the last good snapshot"),
        (older_gate, "the Desktop's gate is of a version without lists"),
    ],
    ids=["rules", "age", "suspect", "damaged", "no list", "no transfer", "clock", "older gate"],
)
def test_where_everything_is_compared_the_run_says_why_and_keeps_it(
    job: Job, happens: Callable[[Job], object], why: str
) -> None:
    assert job.transfer(job.first) | {"whole_at": ""} == {"by": "whole", "why": "the first backup", "whole_at": ""}
    happens(job)

    said = job.run()

    kept = job.transfer(said)
    assert kept["by"] == "whole"
    assert why in kept["why"]
    assert f"nightly: everything is compared: {kept['why']}" in said.err
    assert fingerprint(job.tree(said)) == fingerprint(job.home)


def test_after_a_whole_run_the_next_one_goes_by_the_list_again(job: Job) -> None:
    job.edit(exclude=["*.tmp"])
    job.run()
    write(job.home / "new")

    said = job.run()

    assert job.transfer(said)["by"] == "list"
    assert fingerprint(job.tree(said)) == fingerprint(job.home)


def test_what_changed_just_before_the_list_is_looked_at_again(job: Job) -> None:
    script = job.lab.folder / "writing-gate"
    asks = f'case $SSH_ORIGINAL_COMMAND in "bj1 list"*) date > "{job.home}/notes" ;; esac'
    script.write_text(f"#!/bin/sh\n{asks}\nexec {shlex.join(job.world.argv)}\n")
    script.chmod(0o755)
    force(job.lab, str(script))
    job.run()
    heard = listen(job.lab, job.world)

    asked = [job.run() and rsyncs(heard) for _again in range(2)]

    assert [len(each) for each in asked] == [1, 1]
