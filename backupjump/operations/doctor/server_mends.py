"""The commands that mend a JumpNode: lines of its authorized_keys, and the limits of its sshd."""

from __future__ import annotations

import hashlib
import shlex
from typing import TYPE_CHECKING

from backupjump import process
from backupjump.config.models import RouteKind
from backupjump.errors import BackupjumpError
from backupjump.operations.doctor.key_lines import append_line, mend_key
from backupjump.operations.doctor.server_words import on_as_root, quoted
from backupjump.operations.doctor.tunnel_key import ONE_SESSION
from backupjump.operations.enroll.authorized_keys import HOP, RESERVED_PORTS, Mark, hop_line
from backupjump.operations.enroll.jump_node import HOP_ACCOUNT, TUNNEL_ACCOUNT, Accounts, snippet
from backupjump.operations.enroll.ports import ports_of
from backupjump.ssh.second_shell import relay_options

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from backupjump.config.models import Desktop, JumpNode

_SECONDS = 10.0
_RELOAD = 'systemctl reload ssh || systemctl reload sshd || kill -HUP "$(cat /run/sshd.pid)"'
_SNIPPETS = "/etc/ssh/sshd_config.d"
_PLACE = "AUTHORIZED_KEYS"


def mend_sockets(node: JumpNode, *, needs_shell: bool) -> str:
    """Return the command that takes unix sockets from our account there; `needs_shell` is for route nested."""
    if _is_ours(node, needs_shell=needs_shell):
        return on_as_root("JumpNode", _all_limits(node))
    return on_as_root("JumpNode", _one_limit("sockets", node.user, "AllowStreamLocalForwarding no"))


def _is_ours(node: JumpNode, *, needs_shell: bool) -> bool:
    """Whether our account there is one that enrolment makes: all limits would lock a person, or root, out."""
    return node.user == HOP_ACCOUNT and not needs_shell


def _all_limits(node: JumpNode) -> str:
    text = snippet(Accounts(hop=node.user)).replace("\n", "\\n")
    return f"printf {shlex.quote(text)} > {_SNIPPETS}/backupjump.conf && sshd -t && ({_RELOAD})"


def _one_limit(name: str, account: str, *limits: str) -> str:
    # sshd keeps the first that it reads, so its file comes before all others; it goes again if sshd can't read it.
    said = "".join(f"  {limit}\\n" for limit in limits)
    file, text = f"{_SNIPPETS}/00-backupjump-{name}.conf", f"Match User {account}\\n{said}Match all\\n"
    return f"printf {shlex.quote(text)} > {file} && {{ sshd -t || {{ rm {file}; false; }}; }} && ({_RELOAD})"


def mend_loopback(node: JumpNode, *, needs_shell: bool) -> str:
    """Return the command that keeps tunnels on loopback there; those that stand are ended, to be opened anew.

    sshd keeps the first that it reads, so another file may win over ours: the command fails then, and names it.
    """
    applied = f"sshd -T -C user={TUNNEL_ACCOUNT},host=localhost,addr=127.0.0.1 | grep -qix 'gatewayports no'"
    checked = f"({applied} || ( grep -rin gatewayports /etc/ssh; false ))"
    ours = _is_ours(node, needs_shell=needs_shell)
    limits = _all_limits(node) if ours else _one_limit("loopback", TUNNEL_ACCOUNT, "GatewayPorts no")
    return on_as_root("JumpNode", f"{limits} && {checked} && (pkill -u {TUNNEL_ACCOUNT} sshd || true)")


def mend_delay() -> str:
    """Return the command that grants a tunnel its one session there; those that stand are ended, to be opened anew."""
    granted = _one_limit("maxsessions", TUNNEL_ACCOUNT, *ONE_SESSION)
    return on_as_root("JumpNode", f"{granted} && (pkill -u {TUNNEL_ACCOUNT} sshd || true)")


def mend_line(node: JumpNode, desktops: Sequence[Desktop]) -> str:
    """Return the command that narrows the line of our key to the ways to `desktops`, and to no command at all.

    The forced command is for an sshd that has none of our limits yet; that of a relay leads to its Desktop.
    """
    relay = _relay_among(node, desktops)
    options = relay_options(relay) if relay else f'{_options(node, desktops)},command="/bin/false"'
    return on_as_root("JumpNode", _mend(node, options))


def mend_to_relay(node: JumpNode, desktop: Desktop) -> str:
    """Return the command that lets our key reach one Desktop there by a forced command, for `relay: true`."""
    way = next(way for way in desktop.tunnels_on(node.name) if way.route is RouteKind.NESTED)
    return on_as_root("JumpNode", _mend(node, relay_options(way.jump_alias or desktop.name)))


def add_line(node: JumpNode, desktops: Sequence[Desktop]) -> str:
    """Return the command that lets our key in there, for the ways to `desktops` alone."""
    file, relay = _file(node), _relay_among(node, desktops)
    key, options = public_half(node.identity_file), relay_options(relay) if relay else _options(node, desktops)
    added = append_line(f"{options} {key} {_mark(node, key)}", file=file)
    fix = f"{added} && chown {node.user}: {file} && chmod 600 {file}"
    return on_as_root("JumpNode", fix)


def public_half(identity_file: Path) -> str:
    """Return type and key of the public half of a private key; BackupjumpError if it has none."""
    done = process.run(["ssh-keygen", "-y", "-f", str(identity_file)], timeout=_SECONDS)
    words = done.stdout.decode("ascii", "replace").split()
    if done.status != 0 or len(words) < 2:
        raise BackupjumpError(f"{quoted(identity_file)} holds no key that ssh-keygen can read")
    return " ".join(words[:2])


def _mend(node: JumpNode, options: str) -> str:
    # Within quotes a ~ would stand for itself.
    return mend_key(public_half(node.identity_file), options, file=_PLACE).replace(_PLACE, _file(node))


def _file(node: JumpNode) -> str:
    return f"~{node.user}/.ssh/authorized_keys"


def _relay_among(node: JumpNode, desktops: Sequence[Desktop]) -> str | None:
    """Return the Desktop that our key leads to by a forced command: one of a relay has such a key of its own."""
    ways = [(each, way) for each in desktops for way in each.tunnels_on(node.name)]
    return next(
        (way.jump_alias or each.name for each, way in ways if way.relay and way.identity_file == node.identity_file),
        None,
    )


def _options(node: JumpNode, desktops: Sequence[Desktop]) -> str:
    key = public_half(node.identity_file)
    line = hop_line(_mark(node, key), key, ports={*RESERVED_PORTS, *ports_of(desktops, node.name)})
    return line.partition(f" {key}")[0]


def _mark(node: JumpNode, key: str) -> Mark:
    return Mark(HOP, node.name, hashlib.sha256(key.encode()).hexdigest()[:8])
