"""The commands that mend a JumpNode: lines of its authorized_keys, and the limits of its sshd."""

from __future__ import annotations

import hashlib
import shlex
from typing import TYPE_CHECKING

from backupjump import process
from backupjump.errors import BackupjumpError
from backupjump.operations.doctor.key_lines import mend_key
from backupjump.operations.doctor.server_words import on_as_root, quoted
from backupjump.operations.enroll.authorized_keys import HOP, RESERVED_PORTS, Mark, hop_line
from backupjump.operations.enroll.jump_node import TUNNEL_ACCOUNT, Accounts, snippet

if TYPE_CHECKING:
    from pathlib import Path

    from backupjump.config.models import JumpNode

_SECONDS = 10.0
_RELOAD = 'systemctl reload ssh || systemctl reload sshd || kill -HUP "$(cat /run/sshd.pid)"'
_PLACE = "AUTHORIZED_KEYS"


def mend_sshd(node: JumpNode, *, then: str = "") -> str:
    """Return the command that gives the sshd there the limits of our accounts, and does `then` what follows from it."""
    text = snippet(Accounts(hop=node.user)).replace("\n", "\\n")
    file = "/etc/ssh/sshd_config.d/backupjump.conf"
    return on_as_root(
        "JumpNode", f"printf {shlex.quote(text)} > {file} && sshd -t && ({_RELOAD}){then and f' && {then}'}"
    )


def mend_loopback(node: JumpNode) -> str:
    """Return the command that keeps tunnels on loopback there; those that stand are ended, to be opened anew."""
    return mend_sshd(node, then=f"(pkill -u {TUNNEL_ACCOUNT} sshd || true)")


def mend_line(node: JumpNode, ports: set[int]) -> str:
    """Return the command that narrows the line of our key to the tunnels' `ports`, and to no command at all.

    The forced command is for an sshd that has none of our limits yet.
    """
    key = public_half(node.identity_file)
    options = _line(node, ports).partition(f" {key}")[0] + ',command="/bin/false"'
    return on_as_root("JumpNode", _mend(node, key, options))


def mend_to_relay(node: JumpNode, alias: str) -> str:
    """Return the command that lets our key reach the Desktop `alias` there, and nothing else; route nested."""
    options = f'restrict,command="exec ssh -T {alias} -- \\"$SSH_ORIGINAL_COMMAND\\""'
    return on_as_root("JumpNode", _mend(node, public_half(node.identity_file), options))


def add_line(node: JumpNode, ports: set[int]) -> str:
    """Return the command that lets our key in there, for the tunnels' `ports` alone."""
    file = _file(node)
    fix = f"echo {shlex.quote(_line(node, ports))} >> {file} && chown {node.user}: {file} && chmod 600 {file}"
    return on_as_root("JumpNode", fix)


def public_half(identity_file: Path) -> str:
    """Return type and key of the public half of a private key; BackupjumpError if it has none."""
    done = process.run(["ssh-keygen", "-y", "-f", str(identity_file)], timeout=_SECONDS)
    words = done.stdout.decode("ascii", "replace").split()
    if done.status != 0 or len(words) < 2:
        raise BackupjumpError(f"{quoted(identity_file)} holds no key that ssh-keygen can read")
    return " ".join(words[:2])


def _mend(node: JumpNode, key: str, options: str) -> str:
    # Within quotes a ~ would stand for itself.
    return mend_key(key, options, file=_PLACE).replace(_PLACE, _file(node))


def _file(node: JumpNode) -> str:
    return f"~{node.user}/.ssh/authorized_keys"


def _line(node: JumpNode, ports: set[int]) -> str:
    key = public_half(node.identity_file)
    mark = Mark(HOP, node.name, hashlib.sha256(key.encode()).hexdigest()[:8])
    return hop_line(mark, key, ports={*RESERVED_PORTS, *ports})
