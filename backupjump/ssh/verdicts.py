"""Say which hop failed and why, from what OpenSSH printed.

ssh has one exit status for everything that is its own failure (255), so the text decides. Each rule has
been seen with OpenSSH 9.2; tests/unit/ssh/test_verdicts.py has the texts. Everything here is a function
of its arguments.  Source: ssh(1), EXIT STATUS.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from backupjump.config.models import RouteKind
from backupjump.errors import BackupjumpError, ConfigError, ForwardRefused, HostKeyRefused, KeyRefused, LinkLost
from backupjump.escape import shown, shown_lines
from backupjump.ssh.hop_errors import (
    dropped,
    host_key_refused,
    jump_unreachable,
    key_refused,
    machine,
    session_refused,
    tunnel_not_open,
)

if TYPE_CHECKING:
    from backupjump.ssh.route import Route

_HOST_KEY = re.compile(r"ost key (?:is known )?for (\S+) (?:and you have|has changed|was revoked)")
_OFFERED = re.compile(r"(?:Server host key: \S+ |key sent by the remote host is\s+)(SHA256:[A-Za-z0-9+/]+)")
_NO_NAME = re.compile(r"^ssh: Could not resolve hostname (\S+):.*$", re.MULTILINE)
_NO_CONNECTION = re.compile(
    r"^(?:ssh: connect to host (\S+) port (\d+)|Connection to (\S+) port (\d+) timed out).*$", re.M
)
_BROKEN = re.compile(
    r"^(?:Timeout, server .*|.*[Bb]roken pipe|.*closed by remote host|.*Connection reset.*)\.?\s*$", re.M
)
_DENIED = re.compile(r"^.*(?:Permission denied|Too many authentication failures).*$", re.M)
_BAD_CONFIG = re.compile(r"Bad configuration option|Bad owner or permissions|bad configuration options")
# What ssh says of a connection that it got from ProxyJump or ProxyCommand, in place of an address.
_BY_PROXY = "UNKNOWN port 65535"


def verdict(stderr: str, status: int, *, route: Route, jump_only: bool = False) -> BackupjumpError:
    """Return what an ssh that ended with `status` (not 0) and printed `stderr` means for `route`.

    `jump_only`: it was to log in to the JumpNode and no further. The error names machine and hop, quotes
    ssh and says what to type next.
    """
    said = _Said(text=stderr, route=route, at_jump=jump_only or _BY_PROXY in stderr)
    for rule in (_host_key, _forward, _no_name, _no_connection, _denied, _banner, _config):
        if (error := rule(said)) is not None:
            return error
    if status < 0 or _BROKEN.search(stderr):
        return LinkLost(f"the connection to desktop {route.desktop} broke: {evidence(stderr) or f'signal {-status}'}")
    return BackupjumpError(
        f"ssh to desktop {route.desktop} failed ({status}): {evidence(stderr) or 'without a word'}",
        hint=f"see for yourself: ssh -v -F '{route.config_file}' bj-{route.desktop}",
    )


def evidence(stderr: str) -> str:
    """Return the last lines that ssh printed for people, safe to show."""
    lines = [line for line in stderr.splitlines() if line.strip() and not line.startswith(("debug", "OpenSSH_", "@"))]
    return shown_lines("\n".join(lines[-3:]), lines=3, limit=200).replace("\n", "; ")


@dataclass(frozen=True)
class _Said:
    """What an ssh printed, on which route; `at_jump` if what it says of itself is said of the JumpNode's login."""

    text: str
    route: Route
    at_jump: bool


def _host_key(said: _Said) -> BackupjumpError | None:
    if "Host key verification failed" not in said.text:
        return None
    found = _HOST_KEY.search(said.text)
    # The last one: ssh -v also prints the key of every hop before the one that it refuses.
    offered = _OFFERED.findall(said.text)
    for hop in said.route.hops:
        if found is not None and found[1] == hop.alias:
            return host_key_refused(said.route, hop, offered[-1] if offered else None)
    return HostKeyRefused(
        f"the JumpNode refused the host key of desktop {said.route.desktop}: {evidence(said.text)}"
        + (f"\n  offered: {offered[-1]}" if offered else ""),
        hint=f"on this route the JumpNode's known_hosts decides; there: ssh {said.route.jump_alias}",
    )


def _forward(said: _Said) -> BackupjumpError | None:
    if (found := re.search(r"open failed: (.*)", said.text)) is None:
        return None
    route, why = said.route, shown(found[1].strip())
    if route.target is None or route.jump is None:
        return session_refused(route, why)
    if why.startswith("connect failed"):
        return tunnel_not_open(route, why)
    end = f"{route.target.host}:{route.target.port}"
    return ForwardRefused(
        f"{machine(route, route.jump)} let us in, but refuses to forward to {end}: {why}",
        hint=f'there, the line of our key in ~{route.jump.user}/.ssh/authorized_keys needs permitopen="{end}", '
        f"and no PermitOpen or AllowTcpForwarding of sshd_config may stand against it",
    )


def _no_name(said: _Said) -> BackupjumpError | None:
    if (found := _NO_NAME.search(said.text)) is None:
        return None
    route = said.route
    if route.kind is not RouteKind.NESTED or (route.jump is not None and found[1] == route.jump.host.lower()):
        return jump_unreachable(route, shown(found[0]))
    return ConfigError(
        f"the JumpNode knows no {route.jump_alias} (desktop {route.desktop}, route nested): {shown(found[0])}",
        hint=f"there, in ~/.ssh/config: Host {route.jump_alias}; or here: jump_alias in desktops.{route.desktop}",
    )


def _no_connection(said: _Said) -> BackupjumpError | None:
    if (found := _NO_CONNECTION.search(said.text)) is None:
        return None
    route, host, port = said.route, found[1] or found[3], found[2] or found[4]
    at_jump = route.jump is not None and host != "UNKNOWN"
    if route.jump is not None and route.kind is RouteKind.NESTED:
        # ssh prints a host name in lower case.
        at_jump = (host, port) == (route.jump.host.lower(), str(route.jump.port))
    return (jump_unreachable if at_jump else tunnel_not_open)(route, shown(found[0]))


def _denied(said: _Said) -> BackupjumpError | None:
    if (found := _DENIED.search(said.text)) is None:
        return None
    route, why = said.route, shown(found[0])
    if said.at_jump and route.jump is not None:
        return key_refused(route, route.jump, why)
    if route.target is not None:
        return key_refused(route, route.target, why)
    return KeyRefused(
        f"desktop {route.desktop} does not accept the JumpNode's key: {why}",
        hint=f"on the JumpNode: ssh {route.jump_alias}",
    )


def _banner(said: _Said) -> BackupjumpError | None:
    if "banner exchange" not in said.text and "kex_exchange_identification" not in said.text:
        return None
    if said.route.jump is not None and _BY_PROXY not in said.text:
        return jump_unreachable(said.route, evidence(said.text))
    if "timed out" in said.text:
        return tunnel_not_open(said.route, evidence(said.text))
    return dropped(said.route)


def _config(said: _Said) -> BackupjumpError | None:
    if _BAD_CONFIG.search(said.text) is None:
        return None
    return ConfigError(f"ssh does not accept {said.route.config_file}: {evidence(said.text)}")
