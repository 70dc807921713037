"""What goes over the wire between a Server and a gated Desktop: compressed where it pays, and the snapshot says so."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from backupjump.demo.lab import Lab
from backupjump.operations.compression import note_evidence
from backupjump.operations.link_speeds import recall_link, remember_link
from backupjump.operations.under_way import Asked, Pull
from backupjump.rsync.compression import Evidence
from backupjump.run import utc_now
from fingerprint import fingerprint
from gate_world import GateWorld
from lab.gated import gated, listen, meta, nightly, stand
from program import Said, backupjump

pytestmark = pytest.mark.lab

MB = 1_000_000
ZSTD = "--compress-level=1 --checksum-choice=xxh128 --compress-choice=zstd"
WAY = "proxyjump over jumpnode"


def text(size: int) -> bytes:
    """Return so many bytes that shrink to less than half."""
    chance = random.Random(size)
    words = ["".join(chance.choices("etaoinshrdlu", k=6)) for _ in range(500)]
    return " ".join(chance.choices(words, k=size // 7 + 1)).encode()[:size]


def run(config: Path) -> Said:
    """Run the one job, which is expected to be well."""
    said = backupjump(config, "-v", "run", "nightly", "--json")
    assert said.code == 0, said
    return said


def stored(lab: Lab, world: GateWorld, said: Said) -> Path:
    """Return where the run's snapshot has the source."""
    snapshot = lab.store / "desktop/nightly/snapshots" / said.json["snapshot"]
    return snapshot / "tree" / world.home.relative_to("/")


def test_by_a_link_of_unknown_speed_text_comes_compressed_through_the_gate_and_whole(lab: Lab) -> None:
    world = gated(lab)
    heard = listen(lab, world)
    (world.home / "book.txt").write_bytes(text(4 * MB))
    config = stand(lab, nightly(world))

    said = run(config)

    assert said.json["bytes_received"] < 2 * MB < said.json["bytes_total"]
    assert ZSTD in heard.read_text()
    assert fingerprint(stored(lab, world, said)) == fingerprint(world.home)
    assert "nightly: compressing what is sent: how fast the link is, is not known" in said.err
    how = meta(lab, said)["how"]
    assert how["compression"] == {
        "method": "zstd",
        "why": "how fast the link is, is not known",
        "link_bytes_per_second": None,
    }
    assert how["content"]["compressible_bytes"] == how["content"]["bytes"] == said.json["bytes_total"]


def test_by_a_fast_link_it_comes_as_it_is_and_bwlimit_makes_it_a_slow_one(lab: Lab) -> None:
    world = gated(lab)
    heard = listen(lab, world)
    (world.home / "book.txt").write_bytes(text(4 * MB))
    config = stand(lab, nightly(world))
    remember_link(lab.state, "desktop", WAY, 300 * MB, now=utc_now())

    fast = run(config)
    (world.home / "second.txt").write_bytes(text(5 * MB))
    with (config.parent / "jobs/nightly.yaml").open("w") as job:
        job.write(f"desktop: desktop\nsources: [{world.home}]\nbwlimit: 50 MB/s\n")
    limited = run(config)

    assert fast.json["bytes_received"] > 4 * MB
    assert "not compressing what is sent: the link carries 300 MB/s, 150 and more are fast enough" in fast.err
    assert meta(lab, fast)["how"]["compression"]["method"] is None
    assert limited.json["bytes_received"] < 3 * MB
    assert "compressing what is sent: the link carries 50 MB/s" in limited.err
    assert ["--compress" in line for line in heard.read_text().splitlines() if line.startswith("rsync")] == [
        False,
        True,
    ]


@pytest.mark.long
def test_where_films_are_what_the_job_brings_its_next_run_does_not_compress(lab: Lab) -> None:
    world = gated(lab)
    (world.home / "film.mkv").write_bytes(os.urandom(9 * MB))
    config = stand(lab, nightly(world))

    first = run(config)
    (world.home / "more.txt").write_bytes(text(MB // 4))
    second = run(config)

    assert meta(lab, first)["how"]["compression"]["method"] == "zstd"
    assert meta(lab, second)["how"]["compression"]["method"] is None
    assert "0% of the content is not compressed already" in second.err
    content = meta(lab, second)["how"]["content"]
    assert (content["bytes"] - content["compressible_bytes"], second.json["bytes_received"] > MB // 4) == (9 * MB, True)


@pytest.mark.parametrize("bwlimit", [None, "20 MB/s"])
def test_what_a_way_carried_is_remembered_unless_bwlimit_held_it_back(lab: Lab, bwlimit: str | None) -> None:
    config = stand(lab, {"nightly": {"sources": [str(lab.home)], **({"bwlimit": bwlimit} if bwlimit else {})}})
    pull, evidence = Pull("nightly", Asked(config=config)), Evidence()
    for second in range(3):
        evidence.link.note(second * 10 * MB, now=second)

    note_evidence(pull, evidence)

    assert recall_link(pull.site.state, "desktop", WAY) == (10 * MB if bwlimit is None else None)
