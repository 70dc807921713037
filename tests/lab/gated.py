"""The lab's Desktop with the gate as the forced command of each key that the Server or the JumpNode has for it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from backupjump.demo.lab import Lab
from backupjump.demo.sshd import public_key, write_private
from gate_world import GateWorld, gate_world

SAY: dict[str, Sequence[str]] = {"say": ["sh", "-c", "echo said; echo $0 $# $SSH_ORIGINAL_COMMAND"]}


def gated(lab: Lab, *, hooks: Mapping[str, Sequence[str]] = SAY, **policy: Any) -> GateWorld:
    """Make the gate's world inside `lab`, and let its keys reach the gate and nothing else."""
    folder = lab.folder / "gate"
    folder.mkdir()
    world = gate_world(folder, policy={"hooks": hooks, **policy})
    force(lab, " ".join(world.argv))
    return world


def force(lab: Lab, command: str) -> None:
    """Let the lab's keys start `command` on the Desktop and nothing else."""
    limits = f'restrict,from="127.0.0.1,::1",command="{command}"'
    lines = [f"{limits} {public_key(key)}\n" for key in (lab.data_key, lab.relay_key)]
    write_private(lab.desktop.authorized_keys, "".join(lines))


def answer_instead(lab: Lab, world: GateWorld, answer: bytes, *, asked: str = "bj1 probe", status: int = 0) -> None:
    """Let a gate stand there that says `answer` when it is `asked` this, and is the real one for all else."""
    said, script = lab.folder / "answer", lab.folder / "lying-gate"
    said.write_bytes(answer)
    asks = shlex.quote(asked)
    script.write_text(
        f'#!/bin/sh\ncase $SSH_ORIGINAL_COMMAND in {asks}) cat "{said}"; exit {status} ;; esac\n'
        f"exec {shlex.join(world.argv)}\n"
    )
    script.chmod(0o755)
    force(lab, str(script))


def last(world: GateWorld, name: str) -> Any:
    """Return what the gate has noted of the last run that was `done` or `published`; None if there was none."""
    path: Path = world.folder / f"state/last-{name}.json"
    return json.loads(path.read_text()) if path.exists() else None
