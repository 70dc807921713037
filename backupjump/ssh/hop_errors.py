"""The errors that name a machine on the way: who it is, what it did, and what to type next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backupjump.config.models import RouteKind
from backupjump.errors import (
    DesktopAway,
    DesktopUnfit,
    ForwardRefused,
    HostKeyRefused,
    JumpNodeUnreachable,
    KeyRefused,
    OtherMachine,
    TunnelNotOpen,
)
from backupjump.escape import shown_lines
from backupjump.ssh.keys import fingerprint
from backupjump.ssh.second_shell import relay_options

if TYPE_CHECKING:
    from backupjump.errors import BackupjumpError
    from backupjump.process import Completed
    from backupjump.ssh.client_config import Hop
    from backupjump.ssh.route import Route


def host_key_refused(route: Route, hop: Hop, offered: str | None) -> BackupjumpError:
    """Return the error for a machine that showed the key with fingerprint `offered` in place of the pinned one.

    HostKeyRefused; on route direct OtherMachine: in a LAN an address is anybody's, and nothing was offered to him.
    """
    if route.is_direct:
        return OtherMachine(
            f"another machine than desktop {route.desktop} answers at {_address(hop)}; nothing was offered to it "
            f"(its host key: {offered or 'of another type'})",
            hint="is the Desktop away, and its address another's? else, if it was reinstalled: "
            f"backupjump enroll repin {route.desktop}",
        )
    pinned = [fingerprint(key) for key in hop.host_keys]
    where = machine(route, hop)
    if offered in pinned:
        return HostKeyRefused(
            f"{where} shows its pinned host key {offered}, but {route.known_hosts_file} does not list it",
            hint="who changed that file? the next run writes it anew from the config",
        )
    return HostKeyRefused(
        f"{where} shows another host key than the pinned one; nothing was sent to it\n"
        f"  pinned:  {' or '.join(pinned) or '(none)'}\n"
        f"  offered: {offered or '(of another type)'}",
        hint=f"an impostor, or was it reinstalled? compare there: for f in /etc/ssh/ssh_host_*_key.pub; "
        f"do ssh-keygen -lf $f; done; only if it is the same: backupjump enroll repin {machine(route, hop).split()[1]}",
    )


def key_refused(route: Route, hop: Hop, why: str) -> KeyRefused:
    """Return the error for a machine that does not accept our key; on route direct `from=` is the usual reason."""
    if route.is_direct:
        return KeyRefused(
            f"desktop {route.desktop} does not accept our key for {hop.user} at {_address(hop)}: {why}",
            hint=f"there, our key's line in ~{hop.user}/.ssh/authorized_keys lets it in through the tunnel alone while "
            'it says from="127.0.0.1,::1"; add this Server\'s address in the LAN: from="127.0.0.1,::1,192.168.1.7"',
        )
    return KeyRefused(
        f"{machine(route, hop)} does not accept our key for {hop.user}: {why}",
        hint=f"print its public half: ssh-keygen -y -f '{hop.identity_file}'; "
        f"that line belongs into ~{hop.user}/.ssh/authorized_keys there",
    )


def jump_unreachable(route: Route, why: str) -> JumpNodeUnreachable:
    """Return the error for a JumpNode that no connection could be made to."""
    assert route.jump is not None
    return JumpNodeUnreachable(
        f"{machine(route, route.jump)} can't be reached: {why}",
        hint=f"is it up, and sshd with it? try: nc -vz {route.jump.host} {route.jump.port}",
    )


def tunnel_not_open(route: Route, why: str) -> DesktopAway:
    """Return the error for a tunnel that nothing answers in: TunnelNotOpen; on route direct the Desktop is away."""
    if route.is_direct:
        return _not_in_the_lan(route, why)
    return TunnelNotOpen(
        f"the tunnel of desktop {route.desktop} is not open{_tunnel_end(route)}: {why}",
        hint="on the Desktop: backupjump tunnel open",
    )


def dropped(route: Route) -> DesktopAway:
    """Return the error for a tunnel that is open, and whose far end hung up before a login."""
    if route.is_direct:
        return _not_in_the_lan(route, "what answers there hangs up before a login")
    return DesktopAway(
        f"desktop {route.desktop}: the tunnel{_tunnel_end(route)} is open, but no sshd answers at its far end",
        hint="on the Desktop: systemctl status ssh; and does `to:` of its tunnel name the port of that sshd?",
    )


def session_refused(route: Route, why: str) -> BackupjumpError:
    """Return the error for a machine that let us in but runs no command for us: on route nested the JumpNode."""
    if route.kind is not RouteKind.NESTED or route.jump is None:
        return DesktopUnfit(
            f"desktop {route.desktop} let us in, but starts no command for us: {why}",
            hint="on the Desktop: sudo sshd -T | grep -i maxsessions (it must not be 0), and the log of its sshd",
        )
    needs = "the forced command of `relay: true` needs sessions" if route.relay else "route nested needs a shell"
    return ForwardRefused(
        f"{machine(route, route.jump)} let us in, but runs no command for {route.jump.user}: {why}",
        hint=f"{needs} there (no MaxSessions 0, no nologin); route proxyjump does without",
    )


def forward_refused(route: Route, why: str) -> ForwardRefused:
    """Return the error for a JumpNode that does not let our key through to the tunnel's end."""
    assert route.target is not None
    assert route.jump is not None
    end = f"{route.target.host}:{route.target.port}"
    return ForwardRefused(
        f"{machine(route, route.jump)} let us in, but refuses to forward to {end}: {why}",
        hint=f'there, the line of our key in ~{route.jump.user}/.ssh/authorized_keys needs permitopen="{end}", '
        f"and no PermitOpen or AllowTcpForwarding of sshd_config may stand against it",
    )


def no_gate_behind_relay(route: Route, done: Completed) -> DesktopUnfit:
    """Return the error for a relay behind which something else answers than a gate: the JumpNode's own shell, say."""
    assert route.jump is not None
    assert route.jump_alias is not None
    said = shown_lines(done.stderr or done.stdout, lines=1, limit=120) or "without a word"
    return DesktopUnfit(
        f"no gate answers behind the relay to desktop {route.desktop} on {machine(route, route.jump)} "
        f"(exit {done.status}: {said})",
        hint=f"there, our key's line in ~{route.jump.user}/.ssh/authorized_keys must begin with: "
        f"{relay_options(route.jump_alias)}",
    )


def machine(route: Route, hop: Hop) -> str:
    """Return what a person calls the machine of `hop`: its role and its name in the config."""
    if hop == route.jump:
        return f"JumpNode {hop.alias[len('bj-jump-') :]}"
    return f"desktop {route.desktop}"


def _not_in_the_lan(route: Route, why: str) -> DesktopAway:
    assert route.target is not None
    at = _address(route.target)
    return DesktopAway(
        f"desktop {route.desktop} does not answer at {at}: {why.removeprefix(f'{at}: ')}",
        hint=f"is it in this LAN, awake, its sshd up? try: nc -vz {route.target.host} {route.target.port}",
    )


def _address(hop: Hop) -> str:
    return f"{hop.host} port {hop.port}"


def _tunnel_end(route: Route) -> str:
    if route.target is None:
        return ""
    where = "this Server" if route.jump is None else machine(route, route.jump)
    return f" (port {route.target.port} on {where})"
