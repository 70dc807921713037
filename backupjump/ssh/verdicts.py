"""Say which hop failed and why, from what OpenSSH printed.

ssh has one exit status for everything that is its own failure (255), so the text decides. Each rule has
been seen with OpenSSH 9.2; tests/unit/ssh/test_verdicts.py has the texts. Everything here is a function
of its arguments.  Source: ssh(1), EXIT STATUS.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from backupjump.config.models import RouteKind
from backupjump.errors import BackupjumpError, ConfigError, HostKeyRefused, KeyRefused, LinkLost
from backupjump.escape import shown, shown_lines
from backupjump.ssh.hop_errors import (
    dropped,
    forward_refused,
    host_key_refused,
    jump_unreachable,
    key_refused,
    session_refused,
    tunnel_not_open,
)
from backupjump.ssh.route import data_host

if TYPE_CHECKING:
    from backupjump.ssh.route import Route

_HOST_KEY = re.compile(r"ost key (?:is known )?for (\S+) (?:and you have|has changed|was revoked)")
_OFFERED = re.compile(r"(?:Server host key: \S+ |key sent by the remote host is\s+)(SHA256:[A-Za-z0-9+/]+)")
_NO_NAME = re.compile(r"^ssh: Could not resolve hostname (\S+):.*$", re.M)
_NO_CONNECTION = re.compile(
    r"^(?:ssh: connect to host (\S+) port (\d+):.*|Connection to (\S+) port (\d+) timed out.*)$", re.M
)
_DENIED = re.compile(r"^.*(?:Permission denied|Too many authentication failures).*$", re.M)
_HUNG_UP = re.compile(r"(?:Connection (?:closed|reset) by|banner exchange: Connection to) (\S+) port (\d+)")
_BROKEN = re.compile(
    r"^(?:Timeout, server |.*[Bb]roken pipe|.*closed by remote host|.*Connection reset|Connection closed by )", re.M
)
_BAD_CONFIG = re.compile(r"Bad configuration option|Bad owner or permissions|bad configuration options")
# What ssh calls the address of a connection that it got from ProxyJump or ProxyCommand.
_BY_PROXY = "UNKNOWN"


class Leg(StrEnum):
    """Whose login an ssh spoke of: the JumpNode's, the Desktop's as the JumpNode sees it, or either."""

    JUMP = "jump"
    BEYOND = "beyond"
    WHOLE = "whole"


def verdict(stderr: str, status: int, *, route: Route, leg: Leg = Leg.WHOLE) -> BackupjumpError:
    """Return what an ssh that ended with `status` (not 0) and printed `stderr` means for `route`.

    The error names machine and hop, quotes ssh and says what to type next.
    """
    said = _Said(text=stderr.replace("\r", ""), route=route, leg=leg)
    for rule in (_host_key, _forward, _no_name, _no_connection, _denied, _hung_up, _config):
        if (error := rule(said)) is not None:
            return error
    if status < 0 or _BROKEN.search(said.text):
        why = evidence(said.text) or f"ssh was ended by signal {-status}"
        return LinkLost(f"the connection to desktop {route.desktop} broke: {why}")
    return BackupjumpError(
        f"ssh to desktop {route.desktop} failed ({status}): {evidence(said.text) or 'without a word'}",
        hint=f"see for yourself: ssh -v -F '{route.config_file}' {_host_of(route)}",
    )


def _host_of(route: Route) -> str:
    return route.hops[-1].alias if route.target is None and not route.relay else data_host(route)


def evidence(stderr: str) -> str:
    """Return the last lines that ssh printed for people, safe to show."""
    lines = [line for line in stderr.splitlines() if line.strip() and not line.startswith(("debug", "OpenSSH_", "@"))]
    return shown_lines("\n".join(lines[-3:]), lines=3, limit=200).replace("\n", "; ")


@dataclass(frozen=True)
class _Said:
    """What an ssh printed, on which route, of whose login."""

    text: str
    route: Route
    leg: Leg

    def is_jump(self, host: str, port: str) -> bool:
        """Tell whether the machine that ssh names so is the JumpNode."""
        jump = self.route.jump
        if jump is None or self.leg is not Leg.WHOLE:
            return self.leg is Leg.JUMP
        if self.route.kind is not RouteKind.NESTED:
            return host != _BY_PROXY
        return (host, port) == (jump.host.lower(), str(jump.port))  # ssh prints a host name in lower case


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
    return forward_refused(route, why)


def _no_name(said: _Said) -> BackupjumpError | None:
    if (found := _NO_NAME.search(said.text)) is None:
        return None
    route, why = said.route, shown(found[0])
    if route.jump is not None and said.is_jump(found[1], str(route.jump.port)):
        return jump_unreachable(route, why)
    if route.is_direct:
        return tunnel_not_open(route, why)
    return ConfigError(
        f"the JumpNode knows no {route.jump_alias} (desktop {route.desktop}, route nested): {why}",
        hint=f"there, in ~/.ssh/config: Host {route.jump_alias}; or here: jump_alias in desktops.{route.desktop}",
    )


def _no_connection(said: _Said) -> BackupjumpError | None:
    if (found := _NO_CONNECTION.search(said.text)) is None:
        return None
    at_jump = said.is_jump(found[1] or found[3], found[2] or found[4])
    return (jump_unreachable if at_jump else tunnel_not_open)(said.route, shown(found[0]))


def _denied(said: _Said) -> BackupjumpError | None:
    if (found := _DENIED.search(said.text)) is None:
        return None
    route, why = said.route, shown(found[0])
    # When ProxyJump's own ssh is denied, the outer one adds that its connection by proxy is gone.
    if route.jump is not None and (said.leg is Leg.JUMP or f"by {_BY_PROXY} port" in said.text):
        return key_refused(route, route.jump, why)
    if route.target is not None:
        return key_refused(route, route.target, why)
    return KeyRefused(
        f"desktop {route.desktop} does not accept the JumpNode's key: {why}",
        hint=f"on the JumpNode: ssh {route.jump_alias}",
    )


def _hung_up(said: _Said) -> BackupjumpError | None:
    # An sshd that ends after its greeting leaves the last words alone; so does a connection that has stood for long.
    greeted = "kex_exchange_identification" not in said.text
    if (found := _HUNG_UP.search(said.text)) is None or (greeted and said.leg is not Leg.JUMP):
        return None
    if said.is_jump(found[1], found[2]):
        return jump_unreachable(said.route, evidence(said.text))
    return dropped(said.route)


def _config(said: _Said) -> BackupjumpError | None:
    if _BAD_CONFIG.search(said.text) is None:
        return None
    return ConfigError(f"ssh does not accept {said.route.config_file}: {evidence(said.text)}")
