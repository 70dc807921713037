"""doctor on the Server: a tunnel's end on the JumpNode: whose is it, who answers behind it, who can reach it?"""

from __future__ import annotations

import ipaddress
import re
import socket
from typing import TYPE_CHECKING

from backupjump.config.models import RouteKind
from backupjump.errors import DesktopAway, ForwardRefused, HostKeyRefused, KeyRefused, OtherMachine, TunnelNotOpen
from backupjump.operations.doctor.finding import FAIL, OK, SKIP, WARN, Finding
from backupjump.operations.doctor.server_mends import mend_line, mend_loopback
from backupjump.operations.doctor.server_words import START_SSHD, edit, evidence_of, listed, on, on_as_root
from backupjump.ssh.keys import fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from backupjump.config.models import Desktop, JumpNode, Server, Way
    from backupjump.errors import BackupjumpError

_CONNECT_SECONDS = 3.0
_OFFERED = re.compile(r"offered: (SHA256:[A-Za-z0-9+/]+)")


def port_finding(desktop: Desktop, way: Way, server: Server, file: Path) -> Finding:
    """Return whether the port is this Desktop's alone, also where one JumpNode has two names; `file` tells of it."""
    same = [
        other.name
        for other in server.desktops.values()
        if other is not desktop and not other.revoked and any(_one_end(way, each, server) for each in other.ways)
    ]
    where = way.place
    if not same:
        return Finding("tunnel.port", OK, f"desktop {desktop.name}: port {way.end_port} of {where} is its own")
    told = f"desktop {desktop.name} and {listed(same)} have one end: port {way.end_port} of {where}, by its host key"
    return Finding("tunnel.port", FAIL, told, edit(file))


def _one_end(one: Way, other: Way, server: Server) -> bool:
    if one.end_port != other.end_port or not other.by_tunnel:
        return False
    if one.jump_node is None or other.jump_node is None:
        return one.jump_node is other.jump_node
    first, second = (server.jump_nodes[name] for name in (one.jump_node, other.jump_node))
    # Virtual machines made from one image may share a key, but not the place too.
    return bool(set(first.host_key) & set(second.host_key))


def not_reached(
    desktop: Desktop, way: Way, server: Server, error: BackupjumpError, *, open_at: str = ""
) -> Iterator[Finding]:
    """Yield how far the way to `desktop` led, and who stands at its end in place of it.

    Its tunnel stands at one place at a time: that may be `open_at`.
    """
    told = evidence_of(error)
    if not way.by_tunnel:
        yield from _not_in_the_lan(desktop, error, told)
    elif isinstance(error, TunnelNotOpen) and open_at:
        yield Finding(
            "tunnel.open", SKIP, f"desktop {desktop.name}: its tunnel stands at {open_at}, not at {way.place}"
        )
    elif isinstance(error, TunnelNotOpen):
        # The usual state of a laptop that is asleep.
        yield Finding("tunnel.open", WARN, told, on("Desktop", "backupjump tunnel open"))
    elif isinstance(error, HostKeyRefused):
        yield Finding("tunnel.open", OK, f"desktop {desktop.name}: an sshd answers at the tunnel's end")
        yield Finding("desktop.host-key", FAIL, *_stranger(desktop, way, server, told))
    elif isinstance(error, ForwardRefused) and way.route is not RouteKind.NESTED and way.jump_node:
        behind = [each for each in server.desktops.values() if each.tunnels_on(way.jump_node)]
        yield Finding("jumpnode.forward", FAIL, told, mend_line(server.jump_nodes[way.jump_node], behind))
    elif isinstance(error, KeyRefused):
        yield Finding("tunnel.open", OK, f"desktop {desktop.name}: an sshd answers at the tunnel's end")
        if way.route is not RouteKind.NESTED:
            yield Finding("desktop.host-key", OK, f"desktop {desktop.name} shows a pinned key")
        yield Finding("desktop.login", FAIL, told, on("Desktop", "backupjump doctor"))
    elif error.code == "away":
        yield Finding("tunnel.open", FAIL, told, on_as_root("Desktop", START_SSHD))
    else:
        yield Finding("desktop.login", FAIL, told, on("Desktop", "backupjump doctor"))


def _not_in_the_lan(desktop: Desktop, error: BackupjumpError, told: str) -> Iterator[Finding]:
    if isinstance(error, OtherMachine):
        yield Finding("direct.reach", WARN, told, f"backupjump enroll repin {desktop.name}")
    elif isinstance(error, DesktopAway):
        # The usual state of a laptop that is on its way.
        yield Finding("direct.reach", SKIP, told)
    else:
        yield Finding("desktop.login", FAIL, told, on("Desktop", error.hint or "backupjump doctor"))


def _stranger(desktop: Desktop, way: Way, server: Server, told: str) -> tuple[str, str]:
    """Return who showed another host key than the Desktop's, as far as the config knows him, and what to type."""
    found = _OFFERED.search(told)
    whose = _known_as(found[1], server) if found else ""
    if whose:
        look = f"ss -ltnp 'sport = :{way.end_port}'"
        return f"{told}; that is {whose}: its tunnel or sshd stands on this Desktop's port", on_as_root(
            "JumpNode", look
        )
    return (
        f"{told}; a stranger on that port, or a Desktop that was reinstalled",
        f"backupjump enroll repin {desktop.name}",
    )


def _known_as(offered: str, server: Server) -> str:
    machines = [(f"JumpNode {node.name}", node.host_key) for node in server.jump_nodes.values()]
    machines += [(f"desktop {each.name}", each.host_key or ()) for each in server.desktops.values()]
    return next((name for name, keys in machines if offered in map(fingerprint, keys)), "")


def look_from_outside(node: JumpNode, desktop: Desktop, way: Way) -> Finding:
    """Return whether this machine reaches the tunnel's end, which should be on the JumpNode's loopback only."""
    check = "tunnel.loopback"
    try:
        found = socket.getaddrinfo(node.host, way.end_port, type=socket.SOCK_STREAM)
    except OSError as error:
        return Finding(check, SKIP, f"{node.host} has no address: {error.strerror}")
    addresses = {str(each[4][0]) for each in found}
    if all(ipaddress.ip_address(address.partition("%")[0]).is_loopback for address in addresses):
        return Finding(check, SKIP, f"JumpNode {node.name} is this very machine; nobody is outside of it here")
    for address in sorted(addresses):
        try:
            socket.create_connection((address, way.end_port), timeout=_CONNECT_SECONDS).close()
        except OSError:
            continue
        told = (
            f"port {way.end_port} of JumpNode {node.name} answers from here: the Internet reaches {desktop.name}'s sshd"
        )
        needs_shell = way.route is RouteKind.NESTED and not way.relay
        return Finding(check, FAIL, told, mend_loopback(node, needs_shell=needs_shell))
    return Finding(check, OK, f"port {way.end_port} of JumpNode {node.name} can't be reached from outside of it")
