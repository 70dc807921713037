"""doctor on the Server: a JumpNode from outside. Who is it, does it let us in, and what does it let our key do?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from backupjump import process
from backupjump.config.models import RouteKind
from backupjump.errors import BackupjumpError, ConfigError, HostKeyRefused, JumpNodeUnreachable, KeyRefused
from backupjump.escape import shown
from backupjump.operations.doctor.finding import FAIL, OK, SKIP, WARN, Finding
from backupjump.operations.doctor.server_mends import add_line, mend_line, mend_sockets, mend_to_relay
from backupjump.operations.doctor.server_words import START_SSHD, evidence_of, on_as_root, quoted
from backupjump.operations.doctor.trespass import Way, try_command, try_forwards, try_sftp
from backupjump.operations.doctor.tunnel_limits import answers_to
from backupjump.ssh.route import prepare, route_to_jump
from backupjump.ssh.verdicts import Leg, verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from backupjump.config.models import Desktop, JumpNode
    from backupjump.operations.doctor.trespass import Forwards
    from backupjump.ssh.route import Route

_LOGIN_SECONDS = 20.0
# Nobody's address (RFC 5737), another service, and sockets that every account of a machine with systemd may use.
_ELSEWHERE = ("127.0.0.1:25", "192.0.2.1:9")
_SOCKETS = ("/run/systemd/journal/stdout", "/run/dbus/system_bus_socket")
# Where no socket can be made: one that is granted is not left behind either.
_ENDS = ("127.0.0.1:0", "/nonexistent/backupjump-doctor")
_STRICT_KEX = ("kex-strict-c-v00@openssh.com", "kex-strict-s-v00@openssh.com")


def look_at_jump_node(node: JumpNode, desktops: Sequence[Desktop], *, folder: Path) -> Iterator[Finding]:
    """Yield what can be said of `node`, as its key sees it, which leads to `desktops`; ssh's files lie in `folder`."""
    route = route_to_jump(node, folder=folder)
    assert route.jump is not None
    own = [f"127.0.0.1:{port}" for port in sorted({22, node.port})]
    reach = (*own, *_ELSEWHERE, *_SOCKETS)
    try:
        prepare(route)
    except ConfigError as error:
        yield Finding("jumpnode.login", FAIL, evidence_of(error), f"ls -ld {quoted(folder)}")
        return
    tried = try_forwards(route.config_file, route.jump.alias, listen=_ENDS, reach=reach, seconds=_LOGIN_SECONDS)
    if not tried.logged_in:
        yield from no_login(node, desktops, verdict(tried.said, tried.status, route=route, leg=Leg.JUMP))
        return
    yield from logged_in(node, tried)
    nested = next((each for each in desktops if _needs_shell(each, node)), None)
    mend = mend_to_relay(node, nested) if nested else mend_line(node, desktops)
    yield from forward_findings(node, tried, mend=mend, needs_shell=nested is not None)
    yield from _sessions(node, route, nested=nested, mend=mend)


def _needs_shell(desktop: Desktop, node: JumpNode) -> bool:
    return any(way.route is RouteKind.NESTED and not way.relay for way in desktop.tunnels_on(node.name))


def no_login(node: JumpNode, desktops: Sequence[Desktop], error: BackupjumpError) -> Iterator[Finding]:
    """Yield how far it went, and at which step it was over."""
    told = evidence_of(error)
    if isinstance(error, JumpNodeUnreachable):
        start = on_as_root("JumpNode", START_SSHD)
        yield Finding("jumpnode.reach", FAIL, told, start if "resolve" not in told else f"getent hosts {node.host}")
        return
    yield Finding("jumpnode.reach", OK, f"JumpNode {node.name}: an sshd answers at {node.host} port {node.port}")
    if isinstance(error, HostKeyRefused):
        yield Finding("jumpnode.host-key", FAIL, told, f"backupjump enroll repin {node.name}")
        return
    if isinstance(error, KeyRefused):
        yield Finding("jumpnode.host-key", OK, f"JumpNode {node.name} shows a pinned key")
        yield Finding("jumpnode.login", FAIL, told, add_line(node, desktops))
        return
    yield Finding("jumpnode.login", FAIL, told, f"ssh -v -N -p {node.port} {node.user}@{node.host}")


def logged_in(node: JumpNode, tried: Forwards) -> Iterator[Finding]:
    """Yield what a login showed: the machine, its key, the account, and whether the two ends are safe from Terrapin."""
    yield Finding("jumpnode.reach", OK, f"JumpNode {node.name}: an sshd answers at {node.host} port {node.port}")
    yield Finding("jumpnode.host-key", OK, f"JumpNode {node.name} shows a pinned key")
    yield Finding("jumpnode.login", OK, f"JumpNode {node.name} lets {node.user} in with our key")
    lacking = [end for end, name in zip(("this ssh", "its sshd"), _STRICT_KEX, strict=True) if name not in tried.said]
    if not lacking:
        yield Finding("jumpnode.strict-kex", OK, "both ends speak it, so nobody in between can cut off messages")
        return
    told = f"JumpNode {node.name}: {' and '.join(lacking)} lacks strict key exchange (Terrapin, CVE-2023-48795)"
    install = "apt-get update && apt-get install openssh-server openssh-client"
    fix = on_as_root("JumpNode", install) if "its sshd" in lacking else install
    yield Finding("jumpnode.strict-kex", WARN, told, fix)


def forward_findings(node: JumpNode, tried: Forwards, *, mend: str, needs_shell: bool = False) -> Iterator[Finding]:
    """Yield which ways our key must not get there, and got or did not get. `mend` narrows its line."""
    # sshd looks first whether a key may; what fails after that was granted.
    listened = [
        Way(way.to, granted=answer != "refused")
        for way, answer in zip(tried.listened, answers_to(tried.said), strict=False)
    ]
    ports = [way for way in listened if not way.to.startswith("/")]
    yield _ways(node, "jumpnode.listen", "open a port there, so pose as a Desktop", ports, mend)
    ports = [way for way in tried.reached if not way.to.startswith("/")]
    yield _ways(node, "jumpnode.other-port", "connect to", ports, mend)
    sockets = [way for way in (*listened, *tried.reached) if way.to.startswith("/")]
    yield _ways(
        node, "jumpnode.sockets", "use unix sockets there:", sockets, mend_sockets(node, needs_shell=needs_shell)
    )


def _ways(node: JumpNode, check: str, what: str, ways: Sequence[Way], fix: str) -> Finding:
    granted = [shown(way.to) for way in ways if way.granted]
    if granted:
        told = f"JumpNode {node.name}: our key can {what} {', '.join(granted)}"
        return Finding(check, FAIL, told, fix)
    if not ways:
        return Finding(check, SKIP, f"JumpNode {node.name} gave no answer in time")
    tried = ", ".join(shown(way.to) for way in ways)
    return Finding(check, OK, f"JumpNode {node.name}: tried and refused: {tried}")


def _sessions(node: JumpNode, route: Route, *, nested: Desktop | None, mend: str) -> Iterator[Finding]:
    assert route.jump is not None
    try:
        session = try_command(route.config_file, route.jump.alias, seconds=_LOGIN_SECONDS)
        sftp = try_sftp(route.config_file, route.jump.alias, seconds=_LOGIN_SECONDS)
    except process.TimedOut as error:
        yield Finding("jumpnode.shell", SKIP, f"JumpNode {node.name}: {error}")
        return
    if not session.logged_in and not session.ran and not session.terminal:
        yield Finding("jumpnode.shell", SKIP, f"JumpNode {node.name} did not let us in a second time: none was tried")
    else:
        yield shell_finding(node, ran=session.ran, terminal=session.terminal, nested=nested, mend=mend)
    if sftp is None:
        yield Finding("jumpnode.sftp", SKIP, f"JumpNode {node.name} did not answer: none was tried")
        return
    told = f"JumpNode {node.name}: our key {'can read and write files there' if sftp else 'was refused files'} by sftp"
    if nested and sftp:
        yield Finding(
            "jumpnode.sftp",
            WARN,
            f"{told}, as route nested without relay: true lets it",
            mend_to_relay(node, nested),
        )
    else:
        yield Finding("jumpnode.sftp", FAIL if sftp else OK, told, mend if sftp else "")


def shell_finding(node: JumpNode, *, ran: bool, terminal: bool, nested: Desktop | None, mend: str) -> Finding:
    """Return what can be said of commands there: route nested needs them, unless it goes by a relay."""
    if not ran and not terminal:
        return Finding("jumpnode.shell", OK, f"JumpNode {node.name}: tried and refused: a command, a terminal")
    what = "run any command there" if ran else "get a terminal there"
    if nested:
        told = f"JumpNode {node.name}: our key can {what}, as route nested needs it without relay: true"
        return Finding("jumpnode.shell", WARN, told, mend_to_relay(node, nested))
    return Finding("jumpnode.shell", FAIL, f"JumpNode {node.name}: our key can {what}", mend)
