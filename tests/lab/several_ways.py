"""A Desktop with three ways: its sshd in the LAN, a tunnel on JumpNode A (`home`), one on JumpNode B (`spare`)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from backupjump.demo import roles
from backupjump.demo.lab import Lab
from backupjump.demo.ports import Ports
from backupjump.demo.sshd import Machine, make_key, public_key, write_private
from backupjump.operations.tunnel import open_tunnel
from backupjump.ssh.client_config import Hop
from backupjump.ssh.tunnel import TunnelChild
from backupjump.ssh.tunnel_verdicts import Forward
from gate_world import GateWorld
from lab.gated import gated
from program import Said, backupjump


class SeveralWays:
    """The lab with a second JumpNode; the tunnel stands on one of them at a time, or on none.

    `lan_port` is where the Server looks for the Desktop in the LAN.
    """

    def __init__(self, lab: Lab, world: GateWorld, spare: Machine, spare_port: int) -> None:
        self.lab = lab
        self.world = world
        self.spare = spare
        self.spare_port = spare_port
        self.lan_port = lab.desktop.port
        self._tunnel: TunnelChild | None = None

    def config(self, **more: Any) -> Path:
        """Write the Server's config, with the one job `nightly`; return its path."""
        config = self.lab.server_config("direct", jobs={"nightly": json.dumps(self._job(more))})
        ways = [
            {"route": "direct", "host": roles.LOOPBACK, "port": self.lan_port},
            {"jump_node": "home", "port": self.lab.tunnel_port},
            {"jump_node": "spare", "port": self.spare_port, "route": "proxycommand"},
        ]
        lab = self.lab
        desktop = {
            "user": lab.user,
            "identity_file": str(lab.data_key),
            "host_key": lab.desktop.host_key_public,
            "routes": ways,
        }
        nodes = {"home": self._node(lab.jump), "spare": self._node(self.spare)}
        text = {
            "store": {"path": str(lab.store)},
            "state_dir": str(lab.state),
            "jump_nodes": nodes,
            "desktops": {"desktop": desktop},
        }
        write_private(config, json.dumps(text))
        if not (lab.store / "backupjump-store.json").exists():
            assert backupjump(config, "store", "init").code == 0
        return config

    def _job(self, more: dict[str, Any]) -> dict[str, Any]:
        return {"desktop": "desktop", "sources": [str(self.world.home)], **more}

    def _node(self, machine: Machine) -> dict[str, Any]:
        lab = self.lab
        pinned = {"user": lab.user, "identity_file": str(lab.hop_key), "host_key": machine.host_key_public}
        return {"host": roles.LOOPBACK, "port": machine.port, **pinned}

    def open(self, at: Machine) -> None:
        """Let the Desktop's tunnel stand on this JumpNode, and on no other."""
        self.close()
        lab = self.lab
        hop = Hop("bj-jump", roles.LOOPBACK, at.port, lab.user, lab.tunnel_key, (at.host_key_public,))
        port = self.spare_port if at is self.spare else lab.tunnel_port
        forward = Forward(jump=hop, port=port, to_host=roles.LOOPBACK, to_port=lab.desktop.port)
        self._tunnel = open_tunnel([forward], folder=lab.folder / "desktop/tunnel")

    def close(self) -> None:
        """Let the Desktop's tunnel be closed."""
        if self._tunnel is not None:
            self._tunnel.close()
            self._tunnel = None

    def leave_lan(self) -> None:
        """Let nobody answer where the Server looks for the Desktop in the LAN; its tunnels lead to it as before."""
        self.lan_port = 1

    @contextmanager
    def stranger_in_lan(self) -> Iterator[Machine]:
        """Let another machine have the Desktop's address in the LAN."""
        ports = Ports()
        stranger = Machine("stranger", _folder(self.lab, "stranger"), ports, {"StrictModes": "no"})
        write_private(stranger.authorized_keys, f"{public_key(self.lab.data_key)}\n")
        try:
            stranger.start()
            self.lan_port = stranger.port
            yield stranger
        finally:
            stranger.stop()
            ports.release()

    @contextmanager
    def at_home(self, port: int) -> Iterator[None]:
        """Let the Desktop itself answer in the LAN at `port`: the same host key, the same accounts."""
        ports = Ports()
        itself = Machine("itself", self.lab.folder / "itself", ports, {"StrictModes": "no"})
        itself.folder.mkdir()
        for path in (self.lab.desktop.host_key, self.lab.desktop.authorized_keys):
            write_private(itself.folder / path.name, path.read_text())
        itself.port = port
        try:
            itself.start()
            yield
        finally:
            itself.stop()
            ports.release()


@pytest.fixture
def ways(lab: Lab) -> Iterator[SeveralWays]:
    """The three ways, the Desktop behind its gate; no tunnel stands yet."""
    ports = Ports()
    spare = Machine("spare", _folder(lab, "spare"), ports, {"StrictModes": "no"})
    port = ports.take()
    keys = {name: public_key(key) for name, key in (("tunnel", lab.tunnel_key), ("hop", lab.hop_key))}
    others = dict.fromkeys(("nested", "relayed", "person"), public_key(lab.person_key))
    write_private(spare.authorized_keys, roles.jump_key_lines(port=port, **keys, **others))
    world = SeveralWays(lab, gated(lab), spare, port)
    try:
        spare.start()
        yield world
    finally:
        world.close()
        spare.stop()
        ports.release()


def _folder(lab: Lab, name: str) -> Path:
    folder = lab.folder / name
    folder.mkdir()
    make_key(folder / "host_key", comment=name)
    return folder


def run(config: Path, *words: str) -> Said:
    """Run the one job."""
    return backupjump(config, "-v", "run", "nightly", "--json", *words)
