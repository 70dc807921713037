"""Verify with the Desktop at hand, over the real tunnel: healing from it, comparing with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from backupjump.demo.lab import Lab
from fingerprint import fingerprint
from lab.test_pull import pull, stand
from program import backupjump
from store_world import write
from verify_world import rot

pytestmark = pytest.mark.lab


def damaged_on_the_way(lab: Lab) -> tuple[Path, Path]:
    """Pull twice, rot the newest snapshot's file; return the config and where the file lies."""
    write(lab.home / "file", b"good" * 50_000)
    write(lab.home / "other")
    config = stand(lab)
    pull(config)
    run = pull(config)
    stored = lab.store / f"desktop/nightly/snapshots/{run['snapshot']}/tree" / (lab.home / "file").relative_to("/")
    return config, stored


def test_the_desktop_s_copy_heals_every_snapshot(lab: Lab) -> None:
    config, stored = damaged_on_the_way(lab)
    trees = sorted((lab.store / "desktop/nightly/snapshots").iterdir())
    before = [fingerprint(tree / "tree") for tree in trees]
    rot(stored)
    stored.parent.joinpath("other").unlink()

    said = backupjump(config, "verify", "nightly", "--heal", "--json")

    assert said.code == 0, said
    assert {each["note"] for each in said.json["damaged"]} >= {"from the Desktop"}
    assert [fingerprint(tree / "tree") for tree in trees] == before
    assert list((lab.store / "desktop/nightly/work").iterdir()) == []
    assert backupjump(config, "verify", "nightly", "--all").code == 0


@pytest.mark.long
def test_a_desktop_that_has_another_version_heals_nothing_and_the_next_run_copies_anew(lab: Lab) -> None:
    config, stored = damaged_on_the_way(lab)
    before = fingerprint(stored.parent)
    rot(stored)
    rotten = fingerprint(stored.parent)
    write(lab.home / "file", b"GOOD" * 50_000)

    found = (backupjump(config, "verify", "nightly").code, backupjump(config, "status").code)
    said = backupjump(config, "verify", "nightly", "--heal", "--json")
    run = pull(config)
    after = backupjump(config, "verify", "nightly", "--json")

    assert found == (4, 1)
    assert said.code == 4
    assert backupjump(config, "status").code == 0, "nothing is left for a person to do"
    assert "neither another snapshot nor the Desktop" in said.json["damaged"][0]["note"]
    assert fingerprint(stored.parent) == rotten != before
    newest = lab.store / f"desktop/nightly/snapshots/{run['snapshot']}/tree" / lab.home.relative_to("/")
    assert (newest / "file").read_bytes() == b"GOOD" * 50_000
    assert after.code == 0, after


def test_against_the_source_only_what_no_run_would_notice_is_an_alarm(lab: Lab) -> None:
    config, _stored = damaged_on_the_way(lab)
    write(lab.home / "edited", b"new since")
    sound = backupjump(config, "verify", "nightly", "--against-source", "--json")
    sampled = backupjump(config, "verify", "nightly", "--sample", "100%", "--against-source", "--json")
    rot(lab.home / "file")
    (lab.home / "other").unlink()

    silent = backupjump(config, "verify", "nightly", "--against-source", "--json")
    also_sampled = backupjump(config, "verify", "nightly", "--sample", "100%", "--against-source", "--json")

    assert (sound.code, sound.json["source"]["changed"], sound.json["source"]["silent"]) == (0, 1, [])
    assert (sampled.code, sampled.json["source"]["silent"]) == (0, []), sampled
    for said in (silent, also_sampled):
        assert said.code == 4, said
        assert [each["path"] for each in said.json["source"]["silent"]] == [str(lab.home / "file")]


@pytest.mark.long
def test_with_the_tunnel_closed_a_comparison_says_that_the_desktop_is_away(lab: Lab) -> None:
    config, _stored = damaged_on_the_way(lab)
    lab.close_tunnel()

    assert backupjump(config, "verify", "nightly", "--against-source").code == 75
    assert backupjump(config, "verify", "nightly").code == 0
