"""The Server's part of repin: which machine is meant, where its key is pinned, which one it offers."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from backupjump.config.load import build_server, read_files, unknown_name
from backupjump.config.machines import machines
from backupjump.config.models import Desktop, RouteKind
from backupjump.config.state import state_dir
from backupjump.errors import UsageError
from backupjump.operations.enroll.rebuild import rebuild_script
from backupjump.operations.enroll.repin import Consent, Pin, repin
from backupjump.ssh.offered_key import ask_offered_key
from backupjump.ssh.route import data_host, prepare, route_to_jump, routes_to
from backupjump.ssh.verdicts import Leg, verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backupjump.config.machines import Machine
    from backupjump.config.models import JumpNode, Server, Way
    from backupjump.ssh.offered_key import Offer
    from backupjump.ssh.route import Route


@dataclass(frozen=True, kw_only=True)
class Repinned:
    """What was done, as lines for people. `script` sets a JumpNode up as it was, if it was installed anew."""

    lines: tuple[str, ...]
    script: str | None = None


def repin_machine(config: Path, name: str, consent: Consent, *, jump_node: bool) -> Repinned:
    """Pin the host key that the desktop or JumpNode `name` offers now.

    Raises as `repin`, and the verdict on the way there when the machine can't be asked.
    """
    consent.check()
    files = read_files(config)
    server = build_server(files)
    found = _find(machines(files.server, files.machines), name, jump_node=jump_node)
    noun = server.jump_nodes[name] if found.kind == "jump_nodes" else server.desktops[name]
    pin, offered = _pin(found, noun), _ask(noun, server)
    lines = repin(pin, offered, consent)
    if isinstance(noun, Desktop) or offered in pin.keys:
        return Repinned(lines=lines)
    return Repinned(lines=lines, script=rebuild_script(server, noun, state=state_dir(server.state_dir)))


def _find(found: tuple[Machine, ...], name: str, *, jump_node: bool) -> Machine:
    wanted = [machine for machine in found if machine.kind == "jump_nodes" or not jump_node]
    named = [machine for machine in wanted if machine.name == name]
    if not named:
        raise unknown_name("JumpNode" if jump_node else "machine", name, {machine.name for machine in wanted})
    if len(named) > 1:
        raise UsageError(
            f"both a desktop and a JumpNode are called {name}",
            hint=f"the JumpNode: backupjump enroll repin --jump-node {name}; for the desktop, rename one of them",
        )
    return named[0]


def _pin(machine: Machine, noun: Desktop | JumpNode) -> Pin:
    role = "JumpNode" if machine.kind == "jump_nodes" else "desktop"
    if noun.host_key is None or (isinstance(noun, Desktop) and not _ways(noun)):
        raise UsageError(
            f"desktop {noun.name} is reached by route nested: its host key is pinned on the JumpNode, not here",
            hint="on the JumpNode, in the known_hosts of the account that this Server logs in to",
        )
    return Pin(
        machine=f"{role} {noun.name}",
        path=machine.document.path,
        where=(*machine.base, "host_key"),
        written=machine.keys["host_key"],
        keys=noun.host_key,
    )


def _ways(desktop: Desktop) -> list[Way]:
    """Return the ways by which the Desktop itself shows us its key."""
    return [way for way in desktop.ways if way.route is not RouteKind.NESTED]


def _ask(noun: Desktop | JumpNode, server: Server) -> str:
    """Return the key that is offered, for a Desktop by the first way on which one is; by its tunnel before any other.

    In a LAN anybody may have its address. If none is offered the verdict on the first of them is raised.
    """
    with tempfile.TemporaryDirectory(prefix="repin-", dir=state_dir(server.state_dir)) as folder:
        routes = _routes(noun, server, Path(folder) / "route")
        offers = [(route, _offer(route)) for route in routes[:1]]
        while offers[-1][1].host_key is None and len(offers) < len(routes):
            offers.append((routes[len(offers)], _offer(routes[len(offers)])))
    if (offered := offers[-1][1].host_key) is not None:
        return offered
    route, offer = offers[0]
    leg = Leg.JUMP if route.target is None else Leg.WHOLE
    raise verdict(offer.said, offer.status, route=route, leg=leg)


def _offer(route: Route) -> Offer:
    prepare(route)
    hop = route.hops[-1]
    return ask_offered_key(
        route.config_file, hop.alias if route.target is None else data_host(route), pinned=hop.host_keys
    )


def _routes(noun: Desktop | JumpNode, server: Server, folder: Path) -> Sequence[Route]:
    if not isinstance(noun, Desktop):
        return (route_to_jump(noun, folder=folder),)
    routes = [route for route in routes_to(noun, server, folder=folder) if route.kind is not RouteKind.NESTED]
    return sorted(routes, key=lambda route: route.is_direct)
