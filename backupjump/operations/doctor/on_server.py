"""doctor on the Server: this machine, then each JumpNode, then each Desktop; nothing is tried behind a broken hop."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from backupjump.config.load import desktop_named
from backupjump.errors import BackupjumpError, Stopped
from backupjump.operations.doctor.finding import FAIL, SKIP, Finding
from backupjump.operations.doctor.server_channels import look_at_channels
from backupjump.operations.doctor.server_desktop import WayTo, expiry_finding, look_at_desktop, promise_finding
from backupjump.operations.doctor.server_files import look_at_config, look_at_keys, look_at_state
from backupjump.operations.doctor.server_jump_node import look_at_jump_node
from backupjump.operations.doctor.server_keys import look_at_authorized_keys
from backupjump.operations.doctor.server_store import (
    look_at_clock,
    look_at_marker,
    look_at_modes,
    look_at_room,
    mount_finding,
    mount_of,
)
from backupjump.operations.doctor.server_tools import look_at_tools
from backupjump.operations.doctor.server_trial import try_store
from backupjump.operations.doctor.server_tunnel import look_from_outside, port_finding
from backupjump.operations.doctor.server_words import evidence_of
from backupjump.run import utc_now
from backupjump.ssh.keys import key_problem
from backupjump.ssh.route import routes_to
from backupjump.store.jobs import job_folders

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from backupjump.config.models import Desktop, JumpNode, Server

# From these on, the rest of a Desktop's way is not tried.
_BREAKING = frozenset({"jumpnode.reach", "jumpnode.host-key", "jumpnode.login"})


def look(config: Path, desktop: str | None, *, telling: Callable[[str], None]) -> Iterator[Finding]:
    """Yield the findings as they come, of all Desktops or of one; `telling` is called before each hop.

    UsageError for a `desktop` that the config does not know; whatever else is wrong is a finding.
    """
    found, server = look_at_config(config)
    yield from found
    if server is None:
        yield Finding("store.marker", SKIP, "the config has to be right first")
        yield Finding("jumpnode.reach", SKIP, "the config has to be right first")
        return
    chosen = [desktop_named(server, desktop)] if desktop else list(server.desktops.values())
    in_use = [each for each in chosen if not each.revoked]
    nodes = _nodes(server, in_use if desktop else None)
    yield from look_at_keys([node for node in nodes if _logins(node, server, by_relay=False)], in_use)
    state_finding, state = look_at_state(server)
    yield state_finding
    yield from look_at_tools(server)
    yield from look_at_authorized_keys(chosen)
    if state is None:
        yield Finding("jumpnode.reach", SKIP, "the state folder has to be right first: what ssh is told lies there")
        return
    yield from look_at_channels(server, state)
    telling("looking at the store")
    yield from _look_at_store(server, state)
    broken: set[tuple[str, str | None]] = set()
    for node in nodes:
        telling(f"trying JumpNode {node.name}")
        yield from _look_at_jump_node(node, server, state, broken)
    for each in chosen:
        telling(f"trying desktop {each.name}")
        yield from _look_at_desktop(each, server, config, state, broken)


def _look_at_store(server: Server, state: Path) -> Iterator[Finding]:
    path = server.store.path
    finding, marker = look_at_marker(server, state)
    yield finding
    if marker is None:
        yield Finding("store.filesystem", SKIP, "there is no store to try")
        return
    folders = job_folders(path)
    yield look_at_modes(path, folders, marker)
    yield mount_finding(path, mount_of(path.resolve(), _mountinfo()))
    full = False
    for finding in look_at_room(path, folders):
        full = full or finding.verdict == FAIL
        yield finding
    yield look_at_clock(folders, now=utc_now())
    if full:
        yield Finding("store.filesystem", SKIP, "there is no room to try anything")
    else:
        yield from try_store(path, marker)


def _mountinfo() -> str:
    try:
        return Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape")
    except OSError:
        return ""


def _nodes(server: Server, desktops: list[Desktop] | None) -> list[JumpNode]:
    """Return the JumpNodes on the way to `desktops`, or all of them."""
    if desktops is None:
        return list(server.jump_nodes.values())
    names = dict.fromkeys(way.jump_node for each in desktops for way in each.ways)
    return [server.jump_nodes[name] for name in names if name is not None]


def _logins(node: JumpNode, server: Server, *, by_relay: bool) -> list[tuple[JumpNode, list[Desktop]]]:
    """Return the logins to try there, each with the Desktops that it leads to: with the hop key, or each relay's."""
    behind = [each for each in server.desktops.values() if each.tunnels_on(node.name) and not each.revoked]
    if by_relay:
        relays = [(each, way) for each in behind for way in each.tunnels_on(node.name) if way.relay]
        return [(node.model_copy(update={"identity_file": way.identity_file}), [each]) for each, way in relays]
    by_hop = [each for each in behind if not all(way.relay for way in each.tunnels_on(node.name))]
    return [(node, by_hop)] if by_hop or not behind else []


def _look_at_jump_node(
    node: JumpNode, server: Server, state: Path, broken: set[tuple[str, str | None]]
) -> Iterator[Finding]:
    logins = _logins(node, server, by_relay=False) + _logins(node, server, by_relay=True)
    for number, (login, desktops) in enumerate(logins):
        for finding in _log_in(login, desktops, state / "doctor" / f"{node.name}-{number}"):
            if finding.verdict in (FAIL, SKIP) and finding.check in _BREAKING:
                broken.update((each.name, node.name) for each in desktops)
            yield finding


def _log_in(node: JumpNode, desktops: list[Desktop], folder: Path) -> Iterator[Finding]:
    if key_problem(node.identity_file) is not None:
        yield Finding("jumpnode.login", SKIP, f"JumpNode {node.name}: our key for it has to be right first")
        return
    try:
        yield from look_at_jump_node(node, desktops, folder=folder)
    except Stopped:
        raise
    except BackupjumpError as error:
        yield Finding("jumpnode.login", FAIL, f"JumpNode {node.name}: {evidence_of(error)}", "backupjump config check")


def _look_at_desktop(
    desktop: Desktop, server: Server, config: Path, state: Path, broken: set[tuple[str, str | None]]
) -> Iterator[Finding]:
    if desktop.revoked:
        yield Finding("desktop.login", SKIP, f"desktop {desktop.name} is revoked: it has no run any more")
        return
    yield expiry_finding(desktop, today=utc_now().date())
    own = config.parent / "desktops" / f"{desktop.name}.yaml"
    file = own if own.exists() else config
    jobs = [job for job in server.jobs.values() if job.desktop == desktop.name]
    routes = routes_to(desktop, server, folder=state / "routes" / desktop.name)
    open_at = ""
    for way, route in zip(desktop.ways, routes, strict=True):
        yield promise_finding(desktop, way, file)
        if way.by_tunnel:
            yield port_finding(desktop, way, server, file)
        if (desktop.name, way.jump_node) in broken:
            why = f"desktop {desktop.name} lies behind JumpNode {way.jump_node}, which has to be right first"
            yield Finding("tunnel.open", SKIP, why)
            continue
        is_open = False
        for finding in look_at_desktop(WayTo(desktop, way, route), jobs, server, open_at=open_at):
            is_open = is_open or (finding.check, finding.verdict) == ("tunnel.open", "ok")
            yield finding
        if is_open and way.by_tunnel:
            open_at = open_at or way.place
            if way.jump_node is not None:
                yield look_from_outside(server.jump_nodes[way.jump_node], desktop, way)
