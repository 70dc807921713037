"""The way to the JumpNode: whether the tunnel can stand, and whether its key opens anything else there.

A stolen Desktop has this key, so nothing is taken from a config: each thing that it must not do is tried.
Python 3.9.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from backupjump.errors import (
    BackupjumpError,
    ForwardRefused,
    HostKeyRefused,
    JumpNodeUnreachable,
    KeyRefused,
    Stopped,
)
from backupjump.operations.agent.memory import read_told
from backupjump.operations.doctor.finding import FAIL, OK, SKIP, WARN, Finding
from backupjump.operations.doctor.listeners import command_lines, listeners
from backupjump.operations.doctor.trespass import try_forwards
from backupjump.operations.doctor.tunnel_key import TunnelKey, key_options_file
from backupjump.operations.doctor.tunnel_limits import (
    check_session,
    foreign_ends,
    judge_listening,
    judge_reaching,
    reach_of,
)
from backupjump.operations.installed import program
from backupjump.operations.tunnel import forwards_of
from backupjump.ssh.tunnel import tunnel_child, write_config
from backupjump.ssh.tunnel_verdicts import Forward, slow_tunnel, why_it_fails

if TYPE_CHECKING:
    from backupjump.config.desktop import Tunnel

_SECONDS = 25.0
_STANDS_SECONDS = 15.0
_CONNECT_SECONDS = 3.0
_SESSION_SECONDS = 5.0
# What is behind a login, in the order of the checks.
_BEHIND = (
    "tunnel.opens",
    "tunnel.loopback",
    "tunnel.nodelay",
    "tunnel.other-ports",
    "tunnel.other-ways",
    "tunnel.no-session",
    "tunnel.no-files",
)


def check_tunnel(tunnel: Tunnel, folder: Path) -> Iterator[Finding]:
    """Look at each JumpNode by really logging in to it; five logins, 95 s at most. ssh's files are in `folder`."""
    forwards = forwards_of(tunnel)
    config = write_config((forward.jump for forward in forwards), folder)
    for forward in forwards:
        yield from check_jump_node(TunnelKey(forward, expires=tunnel.expires), config)


def check_jump_node(key: TunnelKey, config: Path) -> Iterator[Finding]:
    """Look at one JumpNode: the login, our own port, and all that must be refused."""
    forward = key.forward
    listen, reach = foreign_ends(forward.port), reach_of(forward)
    tried = try_forwards(config, forward.jump.alias, listen=listen, reach=reach, seconds=_SECONDS)
    if not tried.logged_in:
        yield judge_login(why_it_fails(tried.said.splitlines(), forward), key)
        yield from (Finding(check, SKIP, "the JumpNode does not let us in") for check in _BEHIND)
        return
    yield Finding(
        "tunnel.login", OK, f"JumpNode {forward.jump_node} is the pinned one, and lets {forward.jump.user} in"
    )
    key = replace(key, file=key_options_file(tried.said))
    yield from check_own_port(config, key)
    yield judge_listening(tried, key)
    yield judge_reaching(tried, key)
    yield from check_session(config, key)


def judge_login(error: BackupjumpError, key: TunnelKey) -> Finding:
    """Return why there is no login, and what mends it."""
    said, jump = str(error).replace("\n", ";"), key.forward.jump
    if isinstance(error, HostKeyRefused):
        return Finding("tunnel.login", FAIL, said, f"{program()} enroll repin")
    if isinstance(error, KeyRefused):
        return Finding("tunnel.login", FAIL, said, key.add_line())
    if isinstance(error, JumpNodeUnreachable):
        return Finding("tunnel.login", FAIL, said, f"nc -vz {jump.host} {jump.port}")
    return Finding("tunnel.login", FAIL, said, f"ssh -V; nc -vz {jump.host} {jump.port}")


def check_own_port(config: Path, key: TunnelKey) -> Iterator[Finding]:
    """Open our own port for a moment, and look who else can get at it; a tunnel that stands already does as well."""
    forward = key.forward
    try:
        with tunnel_child(forward, config) as child:
            child.await_standing(_STANDS_SECONDS)
            opened = f"port {forward.port} on JumpNode {forward.jump_node} opened, and closed again"
            yield Finding("tunnel.opens", OK, opened)
            yield check_loopback(key)
            yield judge_delay(child.await_nodelay(_SESSION_SECONDS), key)
            return
    except Stopped:
        raise
    except BackupjumpError as error:
        failed = error
    standing = own_tunnel(forward)
    if standing is not None and "is taken" in str(failed):
        yield Finding(
            "tunnel.opens",
            OK,
            f"port {forward.port} on {key.jump_node} is held by this Desktop's own tunnel (process {standing})",
        )
        yield check_loopback(key)
        told = read_told(config.parent.parent)
        yield judge_delay(told.nodelay if told is not None and told.jump_node == forward.jump_node else None, key)
        return
    fix = key.narrow() if isinstance(failed, ForwardRefused) else f"nc -vz {forward.jump.host} {forward.jump.port}"
    if "is taken" in str(failed):
        why = (
            f"{failed}, and not by a tunnel of this account: somebody sits on it, or an older tunnel has not ended yet"
        )
        yield Finding("tunnel.opens", FAIL, why, f"on the JumpNode, as root: ss -ltnp 'sport = :{forward.port}'")
    else:
        yield Finding("tunnel.opens", FAIL, str(failed), fix)
    for check in ("tunnel.loopback", "tunnel.nodelay"):
        yield Finding(check, SKIP, "no tunnel of ours stands")


def judge_delay(nodelay: bool | None, key: TunnelKey) -> Finding:  # noqa: FBT001 (three answers: None is unknown)
    """Return whether the JumpNode's sshd delays what it sends on a tunnel, by its having granted a session or not."""
    check = "tunnel.nodelay"
    if nodelay is None:
        return Finding(check, SKIP, f"{key.jump_node}: whether it grants a tunnel its session is not known")
    if nodelay:
        return Finding(check, OK, f"{key.jump_node}: it granted the session after which its sshd delays nothing")
    why = f"{slow_tunnel(key.forward).partition(';')[0]}; on a Server where tunnels end (route local) that is meant"
    return Finding(check, WARN, why, key.grant_session() + key.end_tunnels())


def own_tunnel(forward: Forward) -> int | None:
    """Return the process id of an ssh of this account that holds the port of `forward`; None if there is none."""
    ours = re.compile(rf"127\.0\.0\.1:{forward.port}:")
    for pid, argv in command_lines():
        if Path(argv[0]).name == "ssh" and argv[-1] == forward.jump.alias and any(map(ours.match, argv)):
            return pid
    return None


def check_loopback(key: TunnelKey) -> Finding:
    """Look, while a tunnel stands, whether the JumpNode offers its port to the whole network."""
    host, port = key.forward.jump.host, key.forward.port
    if is_loopback(host):
        return judge_addresses([each.address for each in listeners(port) if not each.is_loopback], key)
    try:
        with socket.create_connection((host, port), _CONNECT_SECONDS):
            return judge_addresses([host], key)
    except OSError as error:
        why = "nothing" if isinstance(error, socket.timeout) else (error.strerror or "refused").lower()
        return Finding("tunnel.loopback", OK, f"port {port} of {host} can't be reached from here ({why})")


def judge_addresses(reached: Sequence[str], key: TunnelKey) -> Finding:
    """Return what it means that the tunnel's port answers on these addresses, none of them loopback."""
    port = key.forward.port
    if not reached:
        return Finding("tunnel.loopback", OK, f"{key.jump_node}: port {port} is bound to loopback alone")
    why = f"{key.jump_node}: port {port} answers on {', '.join(reached)}: who can reach it may try to log in here"
    return Finding("tunnel.loopback", FAIL, why, key.set_sshd("GatewayPorts no") + key.end_tunnels())


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine, as where JumpNode and Desktop are one for a trial."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
