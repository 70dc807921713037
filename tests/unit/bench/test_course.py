"""In which order the benchmark does its work."""

from __future__ import annotations

from itertools import groupby

import pytest

from bench.course import COLD, LAN, WAN, WORKS, Asked, Compare, Measure, Mutate, Renew, steps

ONLY = {"trees": ["home"], "stores": ["ext4"], "peers": ["rsync", "borg", "backupjump"]}


def measured(asked: Asked) -> list[Measure]:
    return [step for step in steps(asked) if isinstance(step, Measure)]


def test_programs_take_turns_and_each_round_another_one_begins() -> None:
    found = measured(Asked(**ONLY, works=["nothing-changed"], rows=["lan"], times=3))

    rounds = [[step.peer for step in group] for _, group in groupby(found, key=lambda step: (step.work, step.round))]
    assert rounds[1:] == [
        ["rsync", "borg", "backupjump"],
        ["borg", "backupjump", "rsync"],
        ["backupjump", "rsync", "borg"],
    ]


def test_every_work_is_measured_as_often_as_asked_and_by_everyone() -> None:
    found = [step for step in measured(Asked(**ONLY, rows=["lan"], times=2)) if step.counted]

    counts = {(work, peer): sum((step.work, step.peer) == (work, peer) for step in found)
              for work in WORKS for peer in ONLY["peers"]}  # fmt: skip
    assert set(counts.values()) == {2}


def test_a_first_pull_that_nobody_asked_for_is_made_and_not_counted() -> None:
    found = measured(Asked(**ONLY, works=["nothing-changed"], rows=["lan"], times=1))

    assert [step.counted for step in found if step.work == "first"] == [False] * 3


def test_each_first_pull_goes_to_a_new_filesystem() -> None:
    found = steps(Asked(**ONLY, works=["first"], rows=["lan"], times=3))

    assert sum(isinstance(step, Renew) for step in found) == 3


def test_there_are_snapshots_enough_to_delete_as_many_as_asked() -> None:
    found = measured(Asked(**ONLY, works=["prune"], times=3))

    pulls = [step for step in found if step.peer == "rsync" and step.work != "prune"]
    assert (len(pulls), any(step.counted for step in pulls)) == (4, False)


def test_the_source_changes_before_each_round_that_wants_a_change_and_never_the_same_way() -> None:
    found = steps(Asked(**ONLY, works=["changed"], rows=["lan", "cold"], times=2))

    seeds = [step.seed for step in found if isinstance(step, Mutate)]
    assert len(set(seeds)) == len(seeds) == 4


def test_snapshots_are_compared_with_the_source_after_the_first_pulls_and_after_the_last() -> None:
    found = steps(Asked(**ONLY, rows=["lan"]))

    assert sum(isinstance(step, Compare) for step in found) == 2


@pytest.mark.parametrize(
    ("tree", "work", "rows"),
    [
        ("home", "nothing-changed", [LAN, WAN, COLD]),
        ("home", "first", [LAN]),
        ("tiny", "changed", [LAN]),
        ("home", "restore-all", [LAN]),
    ],
)
def test_a_slow_line_and_cold_caches_are_for_what_is_done_every_night(tree: str, work: str, rows: list[str]) -> None:
    assert Asked().rows_of(work, tree) == rows


def test_a_better_tunnel_is_compared_where_a_tunnel_is_used() -> None:
    found = measured(Asked(trees=["home"], stores=["ext4"], peers=["rsync", "rsync+pty", "restic+pty"], times=1))

    assert {step.peer for step in found if step.work == "first"} == {"rsync", "rsync+pty", "restic+pty"}
    assert {step.peer for step in found if step.work == "restore-all"} == {"rsync", "restic+pty"}


def test_who_is_not_installed_takes_no_part() -> None:
    assert Asked(missing=["restic", "borg"]).peers_on("ext4", "home") == [
        "rsync",
        "rsnapshot",
        "backupjump",
        "rsync+pty",
    ]
