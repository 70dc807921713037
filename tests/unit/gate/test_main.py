"""The gate as a program of its own: its exit codes, what it says, which config it obeys."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from gate_world import GateWorld, gate_world, pull_command

HEAVY = {"asyncio", "click", "fabric", "invoke", "paramiko", "pydantic", "rich", "sqlite3", "xxhash", "zstandard"}


@pytest.fixture
def world(tmp_path: Path) -> GateWorld:
    return gate_world(tmp_path, policy={"hooks": {"show": ["env"]}})


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (None, "refused: no-command: this key opens no shell"),
        ("", "refused: no-command: this key opens no shell"),
        ("cat /etc/shadow\x1b[2J", "refused: not-understood: a control byte"),
        ("bj1 hook ../../x", "refused: not-understood: none of the words of the gate"),
        ("bj1 hook shows", "refused: no-hook: this Desktop offers no hook of that name"),
        (pull_command("/etc"), "refused: outside: no folder that the gate of this Desktop allows"),
    ],
)
def test_a_refusal_is_64_and_one_line_that_repeats_nothing(world: GateWorld, command: str | None, said: str) -> None:
    done = world.ask(command)

    assert (done.returncode, done.stdout, done.stderr) == (64, "", f"backupjump-gate: {said}\n")


def test_a_missing_source_is_told_from_a_forbidden_one(world: GateWorld) -> None:
    done = world.ask(pull_command(world.home / "gone"))

    assert (done.returncode, done.stderr.split(":")[2]) == (64, " absent")


def test_a_probe_answers(world: GateWorld) -> None:
    answer = world.told("bj1 probe")

    assert answer["roots"] == [{"path": str(world.home), "state": "folder"}]
    assert answer["hooks"] == ["show"]
    assert set(answer) == {"gate", "rsync", "roots", "clock", "power", "hooks", "tunnel", "words", "aes"}


def test_a_hook_sees_nothing_of_the_session(world: GateWorld) -> None:
    done = world.ask("bj1 hook show", env={"RSYNC_RSH": "sh", "SSH_AUTH_SOCK": "/x", "LD_PRELOAD": "", "SPY": "1"})

    said = json.loads(done.stdout)["said"]
    assert {line.partition("=")[0] for line in said} == {"PATH", "LC_ALL", "HOME", "USER", "LOGNAME"}


def test_done_is_remembered_in_the_state_folder(world: GateWorld) -> None:
    done = world.ask("bj1 done suspect 20261122T023000Z-a1b2c3")

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert json.loads((world.folder / "state/last-done.json").read_text())["status"] == "suspect"


@pytest.mark.parametrize("text", ["gate: {read: [/home], cooks: {}}  # a secret", "tunnel: {}", "", "gate: [", None])
def test_a_config_that_can_not_be_used_opens_nothing_and_is_not_shown(world: GateWorld, text: str | None) -> None:
    world.config.unlink()
    if text is not None:
        world.config.write_text(text)

    done = world.ask("bj1 probe")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "backupjump-gate: its config can't be used; on the Desktop: backupjump config check\n"


def test_a_config_that_others_may_write_is_not_obeyed(world: GateWorld) -> None:
    world.config.chmod(0o620)

    assert world.ask("bj1 probe").returncode == 2


def test_a_gate_without_an_rsync_says_so(tmp_path: Path) -> None:
    world = gate_world(tmp_path, policy={"rsync": "/not/there/rsync"})

    done = world.ask(pull_command(world.home))

    assert done.returncode == 1
    assert done.stderr.startswith("backupjump-gate: failed: /not/there/rsync can't be started on this machine")


@pytest.mark.parametrize(
    ("command", "unneeded"),
    [
        ("ls", {"yaml", "json", "subprocess"}),
        (pull_command("/etc"), {"json"}),
        ("bj1 probe", {"asyncio"}),
        ("bj1 list /etc/", {"asyncio"}),
    ],
)
def test_the_gate_loads_nothing_that_it_does_not_need(world: GateWorld, command: str, unneeded: set[str]) -> None:
    argv = [sys.executable, "-X", "importtime", *world.argv[1:]]
    environment = {"SSH_ORIGINAL_COMMAND": command}
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)

    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert "backupjump" in imported
    assert imported & (HEAVY | unneeded) == set()
