"""Which host key a machine offers, learned without trusting it and without logging in.

Python 3.9 and newer, the standard library alone.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from backupjump import process
from backupjump.config.checks import read_host_key
from backupjump.ssh.client_config import quoted_path

# The order of OpenSSH, without certificates. Source: myproposal.h, KEX_DEFAULT_PK_ALG.
_ALGORITHMS = {
    "ssh-ed25519": ("ssh-ed25519",),
    "ecdsa-sha2-nistp256": ("ecdsa-sha2-nistp256",),
    "ecdsa-sha2-nistp384": ("ecdsa-sha2-nistp384",),
    "ecdsa-sha2-nistp521": ("ecdsa-sha2-nistp521",),
    "ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256"),
}


@dataclass(frozen=True)
class Offer:
    """What came of asking: the public host key (type and key), None if there was none; and ssh's own words."""

    host_key: str | None
    status: int
    said: str


def ask_offered_key(config: Path, alias: str, *, pinned: Sequence[str], seconds: float = 40.0) -> Offer:
    """Return the host key that `alias` of the ssh_config `config` offers now; nobody is logged in there.

    The hops before it are held to their pinned keys, as ever. Of several keys that a machine has, the one of
    a type in `pinned` is asked for, so that one that is still pinned is recognised.
    """
    with tempfile.TemporaryDirectory(prefix="backupjump-") as folder:
        known_hosts = Path(folder) / "known_hosts"
        try:
            done = process.run(offered_key_argv(config, alias, known_hosts, pinned=pinned), timeout=seconds)
            status, said = done.status, done.stderr.decode("utf-8", "replace")
        except process.TimedOut:  # also an sshd that lets anybody in: the key is known then
            status, said = 255, f"no host key within {seconds:.0f} s"
        return Offer(host_key=read_offer(known_hosts, alias), status=status, said=said)


def offered_key_argv(config: Path, alias: str, known_hosts: Path, *, pinned: Sequence[str]) -> tuple[str, ...]:
    """Return the ssh that writes the key of `alias`, whole, to the file `known_hosts`.

    What stands on the command line counts for the last hop alone: ssh hands no `-o` on to the ssh of ProxyJump
    (seen), so a stranger in the way is refused as ever. `none` asks which logins there are, and tries none.
    """
    options = (
        f"UserKnownHostsFile={quoted_path(known_hosts)}",
        "StrictHostKeyChecking=accept-new",
        "HashKnownHosts=no",
        "PreferredAuthentications=none",
        f"HostKeyAlgorithms={','.join(algorithms(pinned))}",
    )
    words = [word for option in options for word in ("-o", option)]
    return ("ssh", "-v", "-N", "-T", "-F", str(config), *words, "--", alias)


def algorithms(pinned: Sequence[str]) -> tuple[str, ...]:
    """Return the names of all algorithms, those of the types of the `pinned` keys first."""
    first = [key.split()[0] for key in pinned]
    types = sorted(_ALGORITHMS, key=lambda kind: first.index(kind) if kind in first else len(first))
    return tuple(name for kind in types for name in _ALGORITHMS[kind])


def read_offer(known_hosts: Path, alias: str) -> str | None:
    """Return the key that ssh has written down for `alias`; None if there is none, or none that a config takes."""
    try:
        lines = known_hosts.read_text("ascii", "replace").splitlines()
    except FileNotFoundError:
        return None
    for line in lines:
        host, _, key = line.partition(" ")
        if host == alias:
            try:
                return read_host_key(key)
            except ValueError:
                return None
    return None
