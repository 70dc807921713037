"""A Desktop of the config made into the way to it: one ssh_config, one known_hosts, one remote shell."""

from __future__ import annotations

import re
import shlex
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from backupjump import process
from backupjump.config.models import RouteKind
from backupjump.errors import ConfigError
from backupjump.escape import shown_lines
from backupjump.ssh.ciphers import desktop_has_aes, prefers_aes
from backupjump.ssh.client_config import Hop, common_block, header, host_block, known_hosts
from backupjump.ssh.keys import key_problem
from backupjump.whole_files import write_private_files

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from backupjump.config.models import Desktop, JumpNode, Server, Way

_LOOPBACK = "127.0.0.1"  # spelled out: `localhost` may be ::1, where a stranger on the JumpNode can listen
JUMP_ALIAS = "bj-jump-"
_PROXY_JUMP_SINCE = (7, 3)
# ssh pastes the -F path into the command that it runs for ProxyJump as it is (OpenSSH ssh.c).
_PLAIN_PATH = re.compile(r"[A-Za-z0-9/_.,:@+-]+")


@dataclass(frozen=True, kw_only=True)
class Route:
    """A way to one Desktop. `jump` is None for local and direct, `target` for nested; `folder` holds its ssh files.

    The way to a JumpNode alone has neither target nor `jump_alias`. With `relay`, on route nested, a forced command
    of the JumpNode leads each login of `jump` to this Desktop, whatever is asked. `number` counts a Desktop's ways.
    """

    kind: RouteKind
    desktop: str
    jump: Hop | None
    target: Hop | None
    jump_alias: str | None
    folder: Path
    relay: bool = False
    number: int = 1

    @property
    def is_direct(self) -> bool:
        """Whether it goes past the Desktop's tunnel."""
        return self.kind is RouteKind.DIRECT

    @property
    def jump_node(self) -> str | None:
        """The JumpNode's name in the config; None for local and direct."""
        return self.jump.alias.removeprefix(JUMP_ALIAS) if self.jump is not None else None

    @property
    def name(self) -> str:
        """What a person calls it among the others of a Desktop: `direct`, `local`, `proxyjump over home`."""
        return self.kind.value + (f" over {self.jump_node}" if self.jump_node is not None else "")

    @property
    def config_file(self) -> Path:
        """The ssh_config that `ssh -F` takes."""
        return self.folder / "ssh_config"

    @property
    def known_hosts_file(self) -> Path:
        """The pinned host keys of all hops."""
        return self.folder / "known_hosts"

    @property
    def hops(self) -> tuple[Hop, ...]:
        """The machines that we log in to ourselves, nearest first."""
        return tuple(hop for hop in (self.jump, self.target) if hop is not None)


def routes_to(desktop: Desktop, server: Server, *, folder: Path) -> tuple[Route, ...]:
    """Return all ways to `desktop` in their order; the ssh files of the first will lie in `folder`, the others below.

    The config has been checked before.
    """
    return tuple(
        _route(desktop, way, server, folder=folder if number == 1 else folder / f"way-{number}", number=number)
        for number, way in enumerate(desktop.ways, start=1)
    )


def route_to(desktop: Desktop, server: Server, *, folder: Path) -> Route:
    """Return the first way to `desktop`; its ssh files will lie in `folder`. The config has been checked before."""
    return routes_to(desktop, server, folder=folder)[0]


def _route(desktop: Desktop, way: Way, server: Server, *, folder: Path, number: int) -> Route:
    jump = None if way.jump_node is None else _jump_hop(server.jump_nodes[way.jump_node], key=way.identity_file)
    nested = way.route is RouteKind.NESTED
    return Route(
        kind=way.route,
        desktop=desktop.name,
        jump=jump,
        target=None if nested else _desktop_hop(desktop, way),
        jump_alias=(way.jump_alias or desktop.name) if nested else None,
        folder=folder,
        relay=way.relay,
        number=number,
    )


def route_to_jump(node: JumpNode, *, folder: Path) -> Route:
    """Return the way to the JumpNode `node` itself, where our key may forward but not necessarily run anything."""
    return Route(
        kind=RouteKind.NESTED, desktop=node.name, jump=_jump_hop(node), target=None, jump_alias=None, folder=folder
    )


def _jump_hop(node: JumpNode, *, key: Path | None = None) -> Hop:
    """Return the login there; of several relays each has a `key` of its own, since the key is what tells them apart."""
    alias = f"{JUMP_ALIAS}{node.name}"
    return Hop(alias, node.host, node.port, node.user, key or node.identity_file, node.host_key)


def _desktop_hop(desktop: Desktop, way: Way) -> Hop:
    assert desktop.user is not None
    assert desktop.identity_file is not None
    assert desktop.host_key is not None
    alias = f"bj-{desktop.name}"
    host = way.host or _LOOPBACK
    return Hop(alias, host, way.end_port, desktop.user, desktop.identity_file, desktop.host_key)


def ssh_config(*routes: Route, aes: Collection[Hop] = ()) -> str:
    """Render `routes` as one config for `ssh -F`: a Host block for each machine, what holds for all of them last.

    At the hops `aes` AES is asked for first (ciphers.py).

    It works wherever it is stored; a ProxyCommand in it reads the file that `prepare` wrote.
    """
    jumps = {
        route.jump.alias: host_block(route.jump, aes=route.jump in aes)
        for route in routes
        if route.jump and not route.relay
    }
    files = [route.known_hosts_file for route in routes]
    return "\n".join(
        [
            header(),
            *jumps.values(),
            *(_last_hop(route, aes) for route in routes),
            common_block(*files, clear_forwardings=True),
        ]
    )


def _last_hop(route: Route, aes: Collection[Hop]) -> str:
    if route.target is not None:
        return host_block(route.target, proxy=_proxy_line(route), name=data_host(route), aes=route.target in aes)
    if route.jump_alias is None:
        return ""
    assert route.jump is not None
    if route.relay:
        told = (
            f"# desktop {route.desktop}: the JumpNode runs nothing for this key but the way there; no terminal (-t)\n"
        )
        return told + host_block(route.jump, name=data_host(route), aes=route.jump in aes)
    config = shlex.quote(str(route.config_file))
    return (
        f"# desktop {route.desktop}: the JumpNode logs in to it, by a name of its own; for people:\n"
        f"#   ssh -t -F {config} {route.jump.alias} ssh {route.jump_alias}\n"
    )


def _proxy_line(route: Route) -> str:
    if route.jump is None:
        return ""
    if route.kind is RouteKind.PROXYJUMP and _PLAIN_PATH.fullmatch(str(route.config_file)):
        return f"ProxyJump {route.jump.alias}"
    # A shell reads this line, after ssh has replaced its % tokens.
    config = shlex.quote(str(route.config_file)).replace("%", "%%")
    return f"ProxyCommand ssh -F {config} -W %h:%p {route.jump.alias}"


def prepare(route: Route) -> None:
    """Write the route's ssh files; raise ConfigError for a key that can't be used or an ssh too old for it."""
    for hop in route.hops:
        if (problem := key_problem(hop.identity_file)) is not None:
            raise ConfigError(f"desktop {route.desktop}: the key for {hop.alias}: {problem}")
    version = process.run(["ssh", "-V"], timeout=10).stderr.decode("ascii", "replace")
    if (problem := openssh_too_old(version, route.kind)) is not None:
        raise ConfigError(f"desktop {route.desktop}: {problem}", hint="write in its config: route: proxycommand")
    config = ssh_config(route, aes=hops_for_aes(route))
    write_private_files(route.folder, {"known_hosts": known_hosts(route.hops), "ssh_config": config})


def hops_for_aes(*routes: Route) -> frozenset[Hop]:
    """Return the hops of `routes` whose two ends have AES instructions, as far as is known."""
    if not prefers_aes():
        return frozenset()
    known = (hop for route in routes for hop in route.hops if hop is not route.target or desktop_has_aes(route.folder))
    return frozenset(known)


def openssh_too_old(version_text: str, kind: RouteKind) -> str | None:
    """Say why the ssh that printed `version_text` can't take a route of this kind; None if it can.

    A version that we can't read passes: ssh itself will say what it does not know.
    """
    found = re.match(r"OpenSSH_(\d+)\.(\d+)", version_text)
    if kind is not RouteKind.PROXYJUMP or found is None:
        return None
    version = (int(found[1]), int(found[2]))
    if version >= _PROXY_JUMP_SINCE:
        return None
    text = shown_lines(version_text, lines=1, limit=80)
    return f"{text} does not know ProxyJump, which came with 7.3; say route: proxycommand"


def data_host(route: Route) -> str:
    """Return the Host name of the Desktop in the route's config, which rsync puts before the colon.

    One `+` tells the further ways from the first, since no desktop's name has one: `bj-laptop-2` may be another's.
    """
    return f"bj-{route.desktop}" + (f"+{route.number}" if route.number > 1 else "")


def remote_shell(route: Route) -> tuple[str, ...]:
    """Return the argv that rsync runs, with a host and the words of a command behind it, to reach the Desktop."""
    if route.kind is not RouteKind.NESTED or route.relay:
        return ("ssh", "-F", str(route.config_file), "-T")
    assert route.jump is not None
    assert route.jump_alias is not None
    module = "backupjump.ssh.second_shell"
    return (sys.executable, "-I", "-m", module, str(route.config_file), route.jump.alias, route.jump_alias)
