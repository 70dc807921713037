"""One way from the Server to a Desktop: by a tunnel's end on a JumpNode or here, or straight to its sshd."""

from __future__ import annotations

from typing import Any, Self

from pydantic import model_validator

from backupjump.config.fields import Flag, Host, KeyPath, Name, Port
from backupjump.config.noun import Noun
from backupjump.config.routes import RouteKind, way_mistakes

SSH_PORT = 22


class Way(Noun):
    """One way to a Desktop. Which machine stands at its end is the Desktop's to say: one host key for all ways."""

    route: RouteKind = RouteKind.PROXYJUMP
    """How the Server gets there: proxyjump, proxycommand, nested, local, or direct (in the LAN, by no tunnel)."""
    jump_node: Name | None = None
    """The JumpNode that the tunnel ends on; left out for routes local and direct."""
    host: Host | None = None
    """Route direct: the Desktop's name or address in the LAN."""
    port: Port | None = None
    """The tunnel's port on the JumpNode; for route direct that of the Desktop's sshd, 22 by default."""
    identity_file: KeyPath | None = None
    """With relay: the Server's private key for that forced command; the other ways take the desktop's."""
    jump_alias: Name | None = None
    """Route nested: the Host name by which the JumpNode's own ssh_config knows this Desktop."""
    allow_plaintext_at_jump: Flag = False
    """Route nested: yes, the JumpNode may see all data and holds the Desktop's key."""
    tunnel_ends_here: Flag = False
    """Route local: yes, the Desktop's tunnel key is a (restricted) key to this Server."""
    relay: Flag = False
    """Route nested: a forced command there leads to this Desktop alone, for the key identity_file."""

    @model_validator(mode="before")
    @classmethod
    def _with_the_port_of_ssh(cls, value: Any) -> Any:
        is_direct = isinstance(value, dict) and value.get("route") == RouteKind.DIRECT
        return {"port": SSH_PORT, **value} if is_direct else value

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Self:
        if mistakes := [f"{key} {message}" for key, message in way_mistakes(self.__dict__)]:
            raise ValueError("; ".join(mistakes))
        return self

    @property
    def end_port(self) -> int:
        """The port of the tunnel's end, or of the Desktop's sshd for route direct."""
        assert self.port is not None  # the model has seen to it
        return self.port

    @property
    def by_tunnel(self) -> bool:
        """Whether it leads through the Desktop's tunnel, which its owner can keep closed."""
        return self.route is not RouteKind.DIRECT

    @property
    def place(self) -> str:
        """Where it leads, for people: `JumpNode home`, `this Server`, `laptop.lan`."""
        if not self.by_tunnel:
            return str(self.host)
        return "this Server" if self.jump_node is None else f"JumpNode {self.jump_node}"
