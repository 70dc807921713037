"""A Desktop that was enrolled on the lab's sshds, so that its keys can be renewed and taken back.

The JumpNode's part is printed, as for a person who pastes it, and run by sh here.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from backupjump.config.desktop import load_desktop
from backupjump.config.edit import set_values
from backupjump.config.load import load_server
from backupjump.config.models import Desktop
from backupjump.demo.lab import Lab
from backupjump.demo.sshd import make_key, write_private
from backupjump.operations.enroll.accept import carry_out
from backupjump.operations.enroll.accept_plan import Wishes, plan_accept
from backupjump.operations.enroll.finish import FinishWishes, finish
from backupjump.operations.enroll.new import propose
from backupjump.operations.enroll.new_wishes import NewWishes
from backupjump.operations.enroll.reply import write_reply
from backupjump.operations.tunnel import forwards_of, open_tunnel
from backupjump.ssh.tunnel import TunnelChild
from backupjump.store.layout import MARKER_NAME
from program import Said, backupjump

NAME = "laptop"


@dataclass
class RenewalWorld:
    """The Desktop `laptop` of a Server, enrolled; `server` and `desktop` are their configs."""

    lab: Lab
    server: Path
    desktop: Path
    capsys: pytest.CaptureFixture[str]

    @property
    def keys_file(self) -> Path:
        """The Desktop's authorized_keys."""
        return self.lab.desktop.authorized_keys

    @property
    def laptop(self) -> Desktop:
        """The Desktop as the Server's config has it now."""
        return load_server(self.server).desktops[NAME]

    def keys_of(self, kind: str) -> set[str]:
        """Return the names of the Server's private keys that begin with `kind`: desktop or jumpnode."""
        return {path.name for path in (self.server.parent / "keys").glob(f"{kind}-*") if path.suffix != ".pub"}

    def paste_at_jump_node(self) -> str:
        """Run what was printed for the JumpNode since the last time; return what it told."""
        printed = self.capsys.readouterr().out
        done = subprocess.run(["sh"], input=printed, capture_output=True, text=True, check=False, timeout=30)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def open_tunnel(self) -> TunnelChild:
        """Open the tunnel as `tunnel open` does, with the key that the Desktop's config names."""
        config = load_desktop(self.desktop, check_keys=True)
        return open_tunnel(forwards_of(config.tunnel), folder=self.lab.folder / "desktop/state/tunnel")

    def pull(self) -> Said:
        """Back the Desktop up with the keys that both configs name, by a tunnel of its own; the store is made first."""
        if not (self.lab.store / MARKER_NAME).exists():
            assert backupjump(self.server, "store", "init").code == 0
        with self.open_tunnel():
            return backupjump(self.server, "run", "laptop", "--json")


def enrolled(lab: Lab, capsys: pytest.CaptureFixture[str]) -> RenewalWorld:
    """Return the world after `enroll new`, `accept` and `finish`; nothing is pulled yet."""
    write_private(lab.jump.authorized_keys, "# the JumpNode's own\n")
    write_private(lab.desktop.authorized_keys, "# the Desktop's own\n")
    (lab.home / "file").write_text("text")
    server, desktop = lab.folder / "server/config/backupjump.yaml", lab.folder / "desktop/config/backupjump.yaml"
    for folder in ("jump_nodes", "keys"):
        (server.parent / folder).mkdir(parents=True, mode=0o700)
    write_private(server, f"store: {{path: {lab.store}}}\nstate_dir: {lab.state}\n")
    hop_key = make_key(server.parent / "keys/jumpnode-jumpnode", comment="hop")
    node = (
        f"host: 127.0.0.1\nport: {lab.jump.port}\nuser: {lab.user}\n"
        f"identity_file: {hop_key}\nhost_key: {lab.jump.host_key_public}\n"
    )
    write_private(server.parent / "jump_nodes/jumpnode.yaml", node)
    world = RenewalWorld(lab, server, desktop, capsys)
    _enrol(world)
    return world


def quiet(*_lines: str) -> None:
    """Say nothing."""


def _enrol(world: RenewalWorld) -> None:
    lab, keys_file = world.lab, str(world.lab.jump.authorized_keys)
    wishes = NewWishes(
        name=NAME,
        config=world.server,
        jump_node="jumpnode",
        tunnel_user=lab.user,
        jump_keys=keys_file,
        read=(str(lab.home),),
        port=lab.tunnel_port,
        yes=True,
    )
    invitation = propose(wishes, say=quiet)
    to = f"127.0.0.1:{lab.desktop.port}"
    plan = plan_accept(invitation, Wishes(config=world.desktop, to=to, authorized_keys=world.keys_file))
    text = lab.folder / "reply"
    text.write_text(write_reply(carry_out(plan)))
    set_values(world.desktop, {("state_dir",): str(lab.folder / "desktop/state")})
    world.capsys.readouterr()
    finish(FinishWishes(text=text, config=world.server, lines_only=True, wait=False, yes=True), say=quiet)
    world.paste_at_jump_node()
