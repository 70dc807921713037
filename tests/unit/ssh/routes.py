"""Routes to try the pure parts of ssh with; nothing of them exists."""

from __future__ import annotations

import base64
from pathlib import Path

from backupjump.config.models import Desktop, JumpNode, RouteKind, Server, StoreSettings
from backupjump.ssh.route import Route, route_to


def public_key(letter: str) -> str:
    """Return a well-formed public key that nobody has the other half of."""
    kind = b"ssh-ed25519"
    blob = len(kind).to_bytes(4) + kind + (32).to_bytes(4) + letter.encode() * 32
    return f"{kind.decode()} {base64.b64encode(blob).decode()}"


JUMP_KEY, DESKTOP_KEY, SPARE_KEY = map(public_key, "jds")


def route_of(
    kind: RouteKind | str, *, folder: Path = Path("/var/lib/backupjump/routes/laptop"), relay: bool = False
) -> Route:
    """Return the way to the desktop `laptop` by the JumpNode `node`, whose tunnel has port 2020, or in the LAN."""
    kind = RouteKind(kind)
    one_way = {
        "jump_node": None if kind is RouteKind.LOCAL else "node",
        "route": kind,
        "port": 2020,
        "jump_alias": "den" if kind is RouteKind.NESTED else None,
        "allow_plaintext_at_jump": kind is RouteKind.NESTED,
        "relay": relay,
        "tunnel_ends_here": kind is RouteKind.LOCAL,
    }
    several = [{"route": kind, "host": "laptop.lan"}, {"jump_node": "node", "port": 2020}]
    node = JumpNode.model_validate(
        {
            "name": "node",
            "host": "jump.example.org",
            "user": "bjserver",
            "identity_file": "/keys/hop",
            "host_key": JUMP_KEY,
        }
    )
    desktop = Desktop.model_validate(
        {
            "name": "laptop",
            **({"routes": several} if kind is RouteKind.DIRECT else one_way),
            "user": "me",
            "identity_file": "/keys/data",
            "host_key": [DESKTOP_KEY, SPARE_KEY],
        }
    )
    server = Server(
        store=StoreSettings(path=Path("/srv/backups")), jump_nodes={"node": node}, desktops={"laptop": desktop}
    )
    return route_to(desktop, server, folder=folder)
