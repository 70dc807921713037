"""Broken labs for doctor: run it in this process, and do what it says, as it says it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from backupjump.demo.lab import Lab
from backupjump.demo.sshd import Machine, write_private
from backupjump.operations.doctor.finding import FAIL, WARN, Finding
from backupjump.operations.doctor.on_server import look
from gate_world import GateWorld
from lab.gated import gated, nightly, stand

_PROGRAMS = Path(sys.executable).parent
_ELSEWHERE = re.compile(r"on the (?P<machine>\w+)(?:, as root)?: (?P<command>.*)", re.DOTALL)


@dataclass(frozen=True)
class Sound:
    """A lab in order: its gate, the Server's config, the tunnel open."""

    lab: Lab
    world: GateWorld
    config: Path


@contextmanager
def sound_lab(folder: Path) -> Iterator[Sound]:
    """Make a lab in order."""
    with Lab(folder) as lab:
        world = gated(lab)
        yield Sound(lab, world, stand(lab, nightly(world, hooks={"before": ["say"]})))


@contextmanager
def put_back(sound: Sound) -> Iterator[None]:
    """Bring the lab in order again after the block, however that ends."""
    jump, desktop = sound.lab.jump, sound.lab.desktop
    keys, place = jump.authorized_keys.read_text(), desktop.authorized_keys
    try:
        yield
    finally:
        write_private(jump.authorized_keys, keys)
        sound.lab.data_key.chmod(0o600)
        if desktop.authorized_keys != place:
            move_keys(desktop, place)
        sound.lab.open_tunnel()


def move_keys(machine: Machine, place: Path) -> None:
    """Let a machine's sshd look for keys at `place` from now on."""
    machine.stop()
    machine.authorized_keys = place
    machine.start()


def found(config: Path, desktop: str | None = None) -> list[Finding]:
    """Return all that doctor finds on the Server with this config."""
    return list(look(config, desktop, telling=lambda _text: None))


def complaints(config: Path) -> dict[str, Finding]:
    """Return what doctor finds amiss, by check, but not that root receives: the tests run as root too."""
    bad = [each for each in found(config) if each.verdict in (FAIL, WARN)]
    return {each.check: each for each in bad if "receives as root" not in each.evidence}


def command_of(finding: Finding, *, machine: str | None = None) -> str:
    """Return the command of a fix, which is for this machine or for `machine`."""
    elsewhere = _ELSEWHERE.fullmatch(finding.fix)
    assert (elsewhere["machine"] if elsewhere else None) == machine, finding
    return elsewhere["command"] if elsewhere else finding.fix


def on_jump_node(finding: Finding, lab: Lab) -> None:
    """Type a fix on the JumpNode; the lab has its keys elsewhere, and those of this machine's account are not ours."""
    command, usual = command_of(finding, machine="JumpNode"), f"~{lab.user}/.ssh/authorized_keys"
    assert usual in command
    typed(command.replace(usual, str(lab.jump.authorized_keys)), lab=lab)


def typed(command: str, *, lab: Lab, more: Mapping[str, str] | None = None, answer: str = "") -> str:
    """Type a command of a fix into a shell of the lab, whose programs are this checkout's; return what it printed.

    It has a terminal, at which it gets the `answer`.
    """
    path = f"{_PROGRAMS}:{os.environ['PATH']}"
    person, terminal = os.openpty()
    try:
        os.write(person, answer.encode())
        done = subprocess.run(
            ["sh", "-c", command],
            env={**os.environ, "PATH": path, **(more or {})},
            stdin=terminal,
            capture_output=True,
            text=True,
            check=False,
            cwd=lab.folder,
            timeout=60,
        )
    finally:
        os.close(person)
        os.close(terminal)
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    return done.stdout
