"""Hooks that the gate of the Desktop offers, over the real wire: what their ends make of the run."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import pytest

from backupjump.demo.lab import Lab
from lab.gated import HOOK, answer_instead, gated, last, nightly, published, stand
from program import argv, backupjump, until

pytestmark = pytest.mark.lab


def test_hooks_of_both_machines_stand_around_the_transfer_like_brackets(lab: Lab) -> None:
    told = lab.folder / "told"
    lists = ("before", "after", "on_failure", "always")
    world = gated(lab, hooks={f"{when}-there": [*HOOK, f"echo {when} there >> {told}"] for when in lists})
    here = {when: [[*HOOK, f"echo {when} here >> {told}"]] for when in lists}
    there = {when: [f"{when}-there"] for when in lists}
    config = stand(lab, nightly(world, hooks=there, server_hooks=here))

    said = backupjump(config, "run", "nightly", "--json")

    assert said.code == 0, said
    assert told.read_text().splitlines() == [
        *("before here", "before there", "after there", "after here", "always there", "always here"),
    ]


@pytest.mark.parametrize(
    ("when", "status", "code", "ended", "error"),
    [
        ("before", 75, 75, "deferred", "deferred"),
        ("before", 1, 1, "failed", "hook"),
        ("after", 75, 3, "warning", None),
        ("after", 1, 3, "warning", None),
        ("always", 1, 3, "warning", None),
        ("on_failure", 1, 0, "ok", None),
    ],
)
def test_how_a_hook_of_the_desktop_ends_decides_as_one_of_the_server_would(
    lab: Lab, when: str, status: int, code: int, ended: str, error: str | None
) -> None:
    world = gated(lab, hooks={"dump-db": [*HOOK, f"echo the disk is busy; exit {status}"]})
    config = stand(lab, nightly(world, hooks={when: ["dump-db"]}))

    said = backupjump(config, "run", "nightly", "--json")

    assert (said.code, said.json["status"]) == (code, ended), said
    assert (said.json["error"] and said.json["error"]["code"]) == error
    told = said.json["error"]["message"] if error else " ".join(said.json["warnings"])
    assert ("(the disk is busy)" in told) == (when != "on_failure")
    assert len(published(lab)) == (0 if error else 1)
    assert last(world, "done")["status"] == ended
    assert (last(world, "published") is None) == (error is not None)


def test_after_a_failure_the_hooks_for_it_run_on_the_desktop_too(lab: Lab) -> None:
    told = lab.folder / "told"
    world = gated(
        lab,
        hooks={"stop": [*HOOK, "exit 9"], "cry": [*HOOK, f"echo cry >> {told}"], "go": [*HOOK, f"echo go >> {told}"]},
    )
    hooks = {"before": ["stop"], "after": ["stop"], "on_failure": ["cry"], "always": ["go"]}
    config = stand(lab, nightly(world, hooks=hooks))

    said = backupjump(config, "run", "nightly", "--json")

    assert (said.code, said.json["error"]["code"]) == (1, "hook")
    assert told.read_text().splitlines() == ["cry", "go"]
    assert said.json["warnings"] == []


@pytest.mark.parametrize("when", ["before", "after", "on_failure", "always"])
def test_a_hook_that_the_gate_does_not_offer_ends_the_run_before_anything_happens(lab: Lab, when: str) -> None:
    told = lab.folder / "told"
    world = gated(lab, hooks={"dump-db": [*HOOK, f"echo ran >> {told}"]})
    hooks = {"before": ["dump-db"], when: ["dump-bd"]}
    config = stand(lab, nightly(world, hooks=hooks, server_hooks={"before": [[*HOOK, f"echo ran >> {told}"]]}))

    said = backupjump(config, "run", "nightly", "--json")

    assert (said.code, said.json["error"]["code"], said.json["attempts"]) == (1, "hook", 0)
    assert "did you mean 'dump-db'?" in said.json["error"]["message"]
    assert not told.exists()


def test_what_a_hook_of_the_desktop_says_is_bounded_and_escaped(lab: Lab) -> None:
    noise = "yes \"$(printf '\\033[2J')loud\" | head -c 5000000; exit 3"
    world = gated(lab, hooks={"noise": [*HOOK, noise]})
    config = stand(lab, nightly(world, hooks={"after": ["noise"]}))

    said = backupjump(config, "-v", "run", "nightly", "--json")

    (warning,) = said.json["warnings"]
    assert warning.startswith("hook noise on desktop desktop ended with 3 (\\x1b[2Jloud / ")
    assert len(warning) < 800
    assert "\x1b[2J" not in said.out + said.err


def test_a_gate_that_lies_at_the_hook_after_the_transfer_costs_the_snapshot_nothing(lab: Lab) -> None:
    world = gated(lab)
    answer_instead(lab, world, b"not JSON", asked="bj1 hook say")
    config = stand(lab, nightly(world, hooks={"after": ["say"]}))

    said = backupjump(config, "run", "nightly", "--json")

    assert (said.code, len(published(lab))) == (3, 1), said
    assert "hook say on desktop desktop may not have run" in said.json["warnings"][0]


@pytest.mark.long
def test_a_tunnel_that_froze_does_not_hold_the_hooks_that_follow_for_an_hour(lab: Lab) -> None:
    world = gated(lab)
    pid = lab.folder / "tunnel.pid"
    freeze = [*HOOK, f"kill -STOP $(cat {pid})"]
    job = nightly(world, hooks={"always": ["say"]}, server_hooks={"after": [freeze]})
    config = stand(lab, job)
    tunnel = lab.open_tunnel().pid
    pid.write_text(str(tunnel))

    begun = time.monotonic()
    try:
        said = backupjump(config, "-v", "run", "nightly", "--json")
    finally:
        os.kill(tunnel, signal.SIGCONT)

    assert (said.code, len(published(lab))) == (3, 1), said
    assert "may not have run" in said.json["warnings"][0]
    assert time.monotonic() - begun < 60


def test_a_signal_ends_a_run_that_waits_for_a_hook_of_the_desktop_and_the_desktop_is_told(lab: Lab) -> None:
    begun = lab.folder / "begun"
    world = gated(lab, hooks={"slow": [*HOOK, f"touch {begun}; sleep 60"]})
    config = stand(lab, nightly(world, hooks={"before": ["slow"]}))

    with subprocess.Popen(argv(config, "-q", "run", "nightly"), stdin=subprocess.DEVNULL) as running:
        until(begun.exists, what="the hook")
        running.send_signal(signal.SIGTERM)
        code = running.wait(30)

    assert (code, published(lab)) == (143, [])
    assert last(world, "done")["status"] == "interrupted"
