"""What runs on the Server around a transfer, and what its end makes of the run."""

import json
from pathlib import Path

import pytest

from backupjump.demo.lab import Lab
from backupjump.demo.process_tree import is_running
from measured import measured_run
from program import backupjump, until

pytestmark = pytest.mark.lab


def stand(lab: Lab, more: str) -> Path:
    """Make a job with `more` in its file; return the config."""
    (lab.home / "file").write_text("content")
    config = lab.server_config(jobs={"nightly": f"desktop: desktop\nsources: ['{lab.home}']\n{more}"})
    assert backupjump(config, "store", "init").code == 0
    lab.open_tunnel()
    return config


def shell(*commands: str) -> str:
    """Return a list of hooks as YAML, each a line for sh."""
    return json.dumps([["sh", "-c", command] for command in commands])


def test_hooks_run_in_order_around_the_transfer_and_are_told_of_the_run(lab: Lab) -> None:
    told = lab.folder / "told"
    note = f'echo "$0 $BACKUPJUMP_JOB $BACKUPJUMP_STATUS" >> {told}'
    hooks = {when: [["sh", "-c", note, when]] for when in ("before", "after", "on_failure", "always")}
    config = stand(lab, f"server_hooks: {json.dumps(hooks)}\n")

    said = backupjump(config, "run", "nightly")

    assert said.code == 0, said
    assert told.read_text().splitlines() == ["before nightly running", "after nightly ok", "always nightly ok"]


def test_a_before_hook_that_says_75_puts_the_run_off(lab: Lab) -> None:
    config = stand(lab, f"server_hooks: {{before: {shell('exit 75')}}}\n")

    said = backupjump(config, "run", "nightly", "--json")

    assert (said.code, said.json["status"], said.json["attempts"]) == (75, "deferred", 0)


def test_a_before_hook_that_fails_ends_the_run_and_the_failure_hooks_follow(lab: Lab) -> None:
    told = lab.folder / "told"
    config = stand(
        lab,
        f"server_hooks: {{before: {shell('echo no database >&2; exit 3')}, "
        f"on_failure: {shell(f'echo $BACKUPJUMP_STATUS >> {told}')}, always: {shell(f'echo always >> {told}')}}}\n",
    )

    said = backupjump(config, "run", "nightly", "--json")

    assert (said.code, said.json["status"], said.json["error"]["code"]) == (1, "failed", "hook")
    assert "no database" in said.json["error"]["message"]
    assert told.read_text().splitlines() == ["failed", "always"]


def test_an_after_hook_that_fails_is_a_warning_and_the_snapshot_stays(lab: Lab) -> None:
    config = stand(lab, f"server_hooks: {{after: {shell('exit 9')}}}\n")

    said = backupjump(config, "run", "nightly", "--json")

    assert (said.code, said.json["status"]) == (3, "warning")
    assert "ended with 9" in said.json["warnings"][0]
    assert (lab.store / "desktop/nightly/latest/tree").is_dir()


def test_a_hook_of_the_desktop_is_refused_as_long_as_no_gate_answers_there(lab: Lab) -> None:
    config = stand(lab, "hooks: {before: [dump-db]}\n")

    said = backupjump(config, "run", "nightly", "--json")

    assert (said.code, said.json["error"]["code"]) == (1, "hook")
    assert "dump-db" in said.json["error"]["message"]
    assert said.json["attempts"] == 0


def test_what_a_hook_leaves_in_the_background_does_not_hold_up_the_run_and_ends_with_it(lab: Lab) -> None:
    left = lab.folder / "left"
    config = stand(lab, f"server_hooks: {{after: {shell(f'sleep 600 & echo $! > {left}')}}}\n")

    said = backupjump(config, "run", "nightly", "--json", seconds=60)

    assert (said.code, said.json["warnings"]) == (0, []), said
    until(lambda: not is_running(int(left.read_text())), what="the end of what it left")


def test_of_a_hook_that_floods_only_the_end_is_kept(lab: Lab) -> None:
    flood = "head -c 300000000 /dev/zero | tr '\\\\0' x; echo; echo the end; exit 3"
    config = stand(lab, f"server_hooks: {{after: {shell(flood)}}}\n")

    said = measured_run(config, "nightly")

    (warning,) = said.run["warnings"]
    assert warning.endswith("/ the end)")
    assert len(warning) < 1000
    assert said.memory_bytes < 200_000_000, "all of what it printed would be 300 MB"
