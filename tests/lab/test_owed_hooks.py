"""Hooks that belong behind a run and could not be run on the Desktop: the next run that gets there does so first."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from backupjump.demo.lab import Lab
from gate_world import GateWorld
from lab.gated import HOOK, answer_instead, gated, nightly, published, stand
from program import Said, argv, backupjump, until

pytestmark = pytest.mark.lab


def noting(lab: Lab, *names: str) -> dict[str, list[str]]:
    """Return hooks that each write down that they ran."""
    return {name: [*HOOK, f"echo {name} >> {lab.folder / 'told'}"] for name in names}


def told(lab: Lab) -> list[str]:
    return (lab.folder / "told").read_text().split()


def owed(lab: Lab) -> Path:
    return lab.store / "desktop/nightly/owed-hooks.json"


def offer(world: GateWorld, hooks: dict[str, list[str]]) -> None:
    """Change what the gate offers."""
    found = json.loads(world.config.read_text())
    found["gate"]["hooks"] = hooks
    world.config.write_text(json.dumps(found))


def cut(lab: Lab) -> list[str]:
    """Return a hook that ends the Desktop's tunnel."""
    return [*HOOK, f"kill $(cat {lab.folder}/tunnel.pid)"]


def lose_the_link(lab: Lab, config: Path) -> Said:
    """Run the job whose hook is a `cut`, and let the tunnel come back afterwards."""
    (lab.folder / "tunnel.pid").write_text(str(lab.open_tunnel().pid))
    said = backupjump(config, "run", "nightly", "--json")
    lab.open_tunnel()
    return said


@pytest.mark.long
def test_a_desktop_that_was_lost_for_good_is_put_right_first_when_it_is_reached_again(lab: Lab) -> None:
    world = gated(lab, hooks=noting(lab, "freeze", "cry", "thaw"))
    (world.home / "large").write_bytes(os.urandom(12_000_000))
    hooks = {"before": ["freeze"], "on_failure": ["cry"], "always": ["thaw"]}
    config = stand(lab, nightly(world, hooks=hooks, bwlimit="6 MB/s", grace="1s"))
    with subprocess.Popen(argv(config, "run", "nightly", "--json"), stdout=subprocess.PIPE) as running:
        until((lab.folder / "told").exists, what="the freeze")
        until(lambda: any((lab.store / "desktop/nightly/work").rglob("*large*")), what="the transfer")
        lab.jump.cut_connections()
        lab.close_tunnel()
        run = json.loads(running.communicate(timeout=60)[0])
    (before,) = backupjump(config, "status", "--json").json
    left = told(lab)
    lab.open_tunnel()

    again = backupjump(config, "run", "nightly", "--json")

    assert (run["status"], left) == ("interrupted", ["freeze"])
    assert "hook thaw on desktop desktop may not have run, the next run that gets there does so first" in str(run)
    assert "hooks that are still to be run on it: cry, thaw" in before["help"]
    assert told(lab) == ["freeze", "cry", "thaw", "freeze", "thaw"]
    assert (again.code, again.json["status"]) == (0, "ok"), again
    assert [warning.split(", ")[0] for warning in again.json["warnings"]] == [
        *("hook cry on desktop desktop", "hook thaw on desktop desktop"),
    ]
    assert "owed since the run of 20" in again.json["warnings"][1]
    assert not owed(lab).exists()


def test_a_server_that_was_killed_in_mid_run_owes_what_would_have_followed(lab: Lab) -> None:
    go = lab.folder / "go"
    block = [*HOOK, f"touch {go}-waits; until test -e {go}; do sleep 0.05; done; echo block >> {lab.folder}/told"]
    world = gated(lab, hooks={**noting(lab, "freeze", "thaw"), "block": block})
    config = stand(lab, nightly(world, hooks={"before": ["freeze", "block"], "always": ["thaw"]}))
    with subprocess.Popen(argv(config, "run", "nightly")) as running:
        until(Path(f"{go}-waits").exists, what="the second hook")
        running.send_signal(signal.SIGKILL)
    go.touch()
    until(lambda: "block" in told(lab), what="the end of the hook that nobody waits for")

    said = backupjump(config, "run", "nightly", "--json")

    assert said.code == 0, said
    assert told(lab) == ["freeze", "block", "thaw", "freeze", "block", "thaw"]


def test_a_job_that_owes_hooks_is_due_at_once_and_only_until_they_have_run(lab: Lab) -> None:
    world = gated(lab, hooks={**noting(lab, "thaw"), "start": cut(lab)})
    job = nightly(world, hooks={"after": ["start"], "always": ["thaw"]}, schedule={"every": "day"})
    config = stand(lab, job)
    first = lose_the_link(lab, config)
    offer(world, noting(lab, "start", "thaw"))

    due = backupjump(config, "run", "nightly", "--if-due", "--json")
    again = backupjump(config, "run", "nightly", "--if-due", "--json")

    assert (first.code, first.json["status"]) == (3, "warning"), first
    assert (due.json["status"], again.json["status"]) == ("ok", "not-due")
    assert told(lab) == ["start", "thaw", "start", "thaw"]
    assert len(published(lab)) == 2


@pytest.mark.long
def test_what_the_gate_no_longer_offers_is_given_up_and_the_run_says_so(lab: Lab) -> None:
    world = gated(lab, hooks={**noting(lab, "thaw"), "cut": cut(lab)})
    config = stand(lab, nightly(world, hooks={"after": ["cut"], "always": ["thaw"]}))
    lose_the_link(lab, config)
    job = config.parent / "jobs/nightly.yaml"
    job.write_text(json.dumps({"desktop": "desktop", "sources": [str(world.home)]}))
    offer(world, {})

    said = backupjump(config, "run", "nightly", "--json")

    assert said.code == 0, said
    assert [": its gate offers it no more; see whether" in warning for warning in said.json["warnings"]] == [True, True]
    assert not (lab.folder / "told").exists()
    assert not owed(lab).exists()


@pytest.mark.long
def test_a_hook_that_never_comes_to_an_end_that_is_told_does_not_keep_a_job_from_its_backups(lab: Lab) -> None:
    world = gated(lab)
    answer_instead(lab, world, b"not JSON", asked="bj1 hook say")
    config = stand(lab, nightly(world, hooks={"always": ["say"]}))

    said = [backupjump(config, "run", "nightly", "--json") for _ in range(5)]

    assert [each.code for each in said] == [3, 1, 1, 1, 3]
    assert "is given up: 3 runs tried it in vain" in said[-1].json["warnings"][0]
