"""What new keys come to on this Desktop, worked out and shown before anything is changed. Python 3.9."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from backupjump.config.desktop import DesktopConfig, Gate, load_desktop
from backupjump.config.problem import Where
from backupjump.config.yaml_file import read_document
from backupjump.errors import BackupjumpError, UsageError
from backupjump.escape import shown
from backupjump.operations.enroll.accept_plan import lasting_gate
from backupjump.operations.enroll.authorized_keys import (
    DATA,
    Mark,
    data_line,
    foreign_line_with,
    read_keys_file,
    sources_of,
)
from backupjump.operations.enroll.invitation import Invitation
from backupjump.operations.enroll.this_desktop import ThisDesktop, look_at_this_desktop
from backupjump.ssh.keys import fingerprint


@dataclass(frozen=True)
class RotatePlan:
    """New keys for this Desktop. `number` says which JumpNode of the config it is, `place` where that one stands.

    `settles` is where a one-file program is to be copied, if it is to be.
    """

    invitation: Invitation
    config: DesktopConfig
    gate: Gate
    here: ThisDesktop
    number: int
    place: Where
    keys_file: Path
    line: str
    settles: Path | None

    @property
    def mark(self) -> Mark:
        """The mark of the new line."""
        return Mark(DATA, self.invitation.desktop, self.invitation.id)

    @property
    def old_key(self) -> Path:
        """The tunnel's private key that the config names; the new one once it has been proven."""
        return self.config.tunnel.jump_nodes[self.number].identity_file

    @property
    def new_key(self) -> Path:
        """The tunnel's private key of this renewal, beside the one before it."""
        return self.old_key.parent / f"tunnel-{self.invitation.id}"

    @property
    def state_folder(self) -> str:
        """The folder below the state folder for the ssh files of a tunnel that is opened to prove the new key."""
        return f"rotate-{self.invitation.id}"


def plan_rotation(invitation: Invitation, config_file: Path, *, authorized_keys: Path | None) -> RotatePlan:
    """Return what taking new keys comes to; nothing is changed. UsageError where it is not this Desktop's enrolment."""
    path = config_file.absolute()
    if not path.exists():
        raise UsageError(
            f"{shown(str(path))} is not there: new keys are for a Desktop that is enrolled",
            hint=f"on the Server, for a first enrolment: backupjump enroll new {invitation.desktop}",
        )
    config = load_desktop(path)
    if config.gate is None:
        raise UsageError(f"{shown(str(path))} has no `gate:`", hint="backupjump init desktop shows what one looks like")
    number = _jump_node_in(config, invitation)
    host = f"[{config.tunnel.to_host}]" if ":" in config.tunnel.to_host else config.tunnel.to_host
    here = look_at_this_desktop(f"{host}:{config.tunnel.to_port}", rsync=config.gate.rsync)
    keys_file = (authorized_keys or here.home / ".ssh/authorized_keys").absolute()
    if (other := foreign_line_with(read_keys_file(keys_file), invitation.data_key)) is not None:
        raise BackupjumpError(
            f"line {other} of {shown(str(keys_file))} admits the Server's new key already, without the gate",
            hint="it is not a line of backupjump: look at it, take it out, then the same again",
        )
    mark = Mark(DATA, invitation.desktop, invitation.id)
    # By its own word in the line, the gate can tell that the Server has come with the new key.
    argv, settles = lasting_gate(path)
    argv = (*argv, "--enrolment", invitation.id)
    sources = sources_of(read_keys_file(keys_file), mark)
    line = data_line(mark, invitation.data_key, gate_argv=argv, expires=invitation.expires, sources=sources)
    listed = isinstance(read_document(path).value["tunnel"]["jump_node"], list)
    place: Where = ("tunnel", "jump_node", number) if listed else ("tunnel", "jump_node")
    return RotatePlan(invitation, config, config.gate, here, number, place, keys_file, line, settles)


def rotation_lines(plan: RotatePlan) -> list[str]:
    """Return what a person must see before saying yes."""
    invitation, jump = plan.invitation, plan.invitation.jump
    return [
        f"The Server asks for new keys of this Desktop, which it calls {invitation.desktop}.",
        "What it may read here stays as it is: " + ", ".join(shown(folder) for folder in plan.gate.read),
        f"Its new key is {fingerprint(invitation.data_key)}"
        + (f", until {invitation.expires}." if invitation.expires else "."),
        "In this order:",
        *([f"  {shown(str(plan.settles))}: a copy of this program, for good"] if plan.settles else []),
        f"  {shown(str(plan.new_key))}: a new key for the tunnel, which never leaves this machine",
        f"  {shown(str(plan.config.path))}: names it, once {jump.user}@{jump.host} has let it in",
        f"  {shown(str(plan.keys_file))}: one line more, for the Server's new key:",
        f"  {plan.line}",
        "  The old line and the old tunnel key go when the Server has come with its new key.",
    ]


def _jump_node_in(config: DesktopConfig, invitation: Invitation) -> int:
    jump, tunnel = invitation.jump, config.tunnel
    wanted = (jump.host, jump.port, jump.user, invitation.port)
    for number, each in enumerate(tunnel.jump_nodes):
        if (each.host, each.port, each.user, each.tunnel_port) == wanted and set(each.host_keys) & set(jump.host_keys):
            return number
    raise UsageError(
        f"{shown(str(config.path))} has no tunnel to port {invitation.port} of {jump.user}@{jump.host}:{jump.port} "
        "with the host key that the invitation has",
        hint="is it for another Desktop? or was the JumpNode reinstalled: backupjump enroll repin",
    )
