"""The lab's Desktop with the gate as the forced command of each key that the Server or the JumpNode has for it."""

from __future__ import annotations

from backupjump.demo.lab import Lab
from backupjump.demo.sshd import public_key, write_private
from gate_world import GateWorld, gate_world


def gated(lab: Lab) -> GateWorld:
    """Make the gate's world inside `lab`, and let its keys reach the gate and nothing else."""
    folder = lab.folder / "gate"
    folder.mkdir()
    world = gate_world(folder, policy={"hooks": {"say": ["sh", "-c", "echo said; echo $0 $# $SSH_ORIGINAL_COMMAND"]}})
    limits = f'restrict,from="127.0.0.1,::1",command="{" ".join(world.argv)}"'
    lines = [f"{limits} {public_key(key)}\n" for key in (lab.data_key, lab.relay_key)]
    write_private(lab.desktop.authorized_keys, "".join(lines))
    return world
