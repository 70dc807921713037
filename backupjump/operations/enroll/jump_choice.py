"""Which JumpNode an enrolment is for: one of the config, or a new one with the host key that a person has compared."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from backupjump.config.checks import read_host, read_host_key, read_name, read_port
from backupjump.errors import BackupjumpError, HostKeyRefused, JumpNodeUnreachable, UsageError
from backupjump.escape import shown, shown_lines
from backupjump.ssh.client_config import Hop, common_block, header, host_block
from backupjump.ssh.keys import fingerprint
from backupjump.ssh.offered_key import ask_offered_key

if TYPE_CHECKING:
    from backupjump.config.models import JumpNode, Server

_ADDRESS = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:\[\]]+))(?::(\d{1,5}))?", re.ASCII)
_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class JumpChoice:
    """A JumpNode by its name in the config; `is_new` if it is not in there yet."""

    name: str
    host: str
    port: int
    is_new: bool


def choose_jump_node(server: Server | None, *, address: str | None, name: str | None) -> JumpChoice:
    """Return the JumpNode that is meant by an address, a name, or, where there is only one, by nothing."""
    known = {} if server is None else server.jump_nodes
    if address is None:
        return _known(_named(known, name))
    host, port = read_address(address)
    if (node := next((node for node in known.values() if (node.host, node.port) == (host, port)), None)) is not None:
        if name not in (None, node.name):
            raise UsageError(
                f"{host} port {port} is JumpNode {node.name} in the config", hint=f"--jump-node {node.name}"
            )
        return _known(node)
    chosen = name or _free_name(host, known)
    if chosen in known:
        raise UsageError(f"JumpNode {chosen} in the config is another machine", hint="name this one: --jump-node NAME")
    return JumpChoice(name=read_jump_name(chosen), host=host, port=port, is_new=True)


def read_address(text: str) -> tuple[str, int]:
    """Read `HOST` or `HOST:PORT`; an IPv6 address with a port stands in brackets."""
    match = _ADDRESS.fullmatch(text)
    try:
        if match is None:
            return read_host(text), 22
        return read_host(match[1] or match[2]), read_port(int(match[3] or 22))
    except ValueError as error:
        raise UsageError(
            f"{shown(text)} {error}", hint="write HOST or HOST:PORT, such as jumpnode.domain.ext:22"
        ) from error


def read_jump_name(name: str) -> str:
    """Accept a name for a machine of the config."""
    try:
        return read_name(name)
    except ValueError as error:
        raise UsageError(f"the name {shown(name)!r} {error}") from error


def confirmed_host_key(choice: JumpChoice, user: str, wanted: str | None) -> tuple[str, bool]:
    """Return the host key of a new JumpNode, and whether it is the one that was `wanted`: a key line, or SHA256:….

    A wanted line is taken as it is. HostKeyRefused if the machine shows another than the wanted fingerprint,
    JumpNodeUnreachable if it shows none. A key that nobody named must be shown to a person.
    """
    if wanted is not None and not wanted.startswith("SHA256:"):
        try:
            return read_host_key(wanted), True
        except ValueError as error:
            raise UsageError(f"--jump-host-key {error}") from error
    if wanted is not None and not _FINGERPRINT.fullmatch(wanted):
        raise UsageError("--jump-host-key is not a whole fingerprint: SHA256: and 43 characters")
    offered = _ask(choice, user)
    if wanted not in (None, fingerprint(offered)):
        raise HostKeyRefused(
            f"JumpNode {choice.host} port {choice.port} shows {fingerprint(offered)}, not {wanted}: nothing changed",
            hint="an impostor, or a mistyped fingerprint? on the JumpNode: " + compare_line(offered),
        )
    return offered, wanted is not None


def compare_line(key: str) -> str:
    """Return what to type on a machine itself to see the fingerprint of its host key of this type."""
    kind = {"ssh-ed25519": "ed25519", "ssh-rsa": "rsa"}.get(key.split()[0], "ecdsa")
    return f"ssh-keygen -lf /etc/ssh/ssh_host_{kind}_key.pub"


def _ask(choice: JumpChoice, user: str) -> str:
    alias = f"bj-jump-{choice.name}"
    with tempfile.TemporaryDirectory(prefix="backupjump-") as folder:
        config = Path(folder) / "ssh_config"
        block = host_block(Hop(alias, choice.host, choice.port, user, Path("/dev/null"), ()))
        common = common_block(Path(folder) / "none", clear_forwardings=True)
        config.write_text("\n".join([header(), block, common]), "utf-8")
        offer = ask_offered_key(config, alias, pinned=())
    if offer.host_key is None:
        spoken = "\n".join(line for line in offer.said.splitlines() if not line.startswith(("debug", "OpenSSH_")))
        raise JumpNodeUnreachable(
            f"JumpNode {choice.host} port {choice.port} shows no host key: {shown_lines(spoken, lines=2)}",
            hint="is it up, and its sshd running? with its key at hand: --jump-host-key 'ssh-ed25519 AAAA…'",
        )
    return offer.host_key


def _named(known: dict[str, JumpNode], name: str | None) -> JumpNode:
    if name is not None and name in known:
        return known[name]
    if name is None and len(known) == 1:
        return next(iter(known.values()))
    if not known:
        raise UsageError("the config has no JumpNode yet", hint="name one: --jump jumpnode.domain.ext")
    what = f"there is no JumpNode {shown(name)}" if name else "there are several JumpNodes"
    raise UsageError(what, hint=f"--jump-node {'|'.join(sorted(known))}, or a new one: --jump HOST")


def _known(node: JumpNode) -> JumpChoice:
    return JumpChoice(name=node.name, host=node.host, port=node.port, is_new=False)


def _free_name(host: str, known: dict[str, JumpNode]) -> str:
    label = host.split(".")[0]
    first = label if label[:1].isalpha() and ":" not in host else "jumpnode"
    names = (first, *(f"{first}-{number}" for number in range(2, 1000)))
    free = next((name for name in names if name not in known), None)
    if free is None:
        raise BackupjumpError(f"no name is free for {host}", hint="--jump-node NAME")
    return free
