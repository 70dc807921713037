"""Render the one ssh_config and known_hosts of a route, and put them where only we can read them.

ssh is told everything here and nothing elsewhere: `-F` makes it skip the user's and the system's config,
and it hands `-F` on to the process that it starts for a jump, so that each hop keeps its own key (a `-o`
on the command line does not reach it). The Desktop's tunnel uses the same blocks. Python 3.9 and newer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from backupjump.errors import ConfigError
from backupjump.ssh import ciphers

# ssh_config has no way to write these inside quotes; `${NAME}` is expanded from the environment.
_UNWRITABLE = re.compile(r'["\\$\x00-\x1f\x7f]')


@dataclass(frozen=True)
class Hop:
    """One sshd that we log in to: under which name it is known to us, where it is, who we are, what it must show."""

    alias: str
    host: str
    port: int
    user: str
    identity_file: Path
    host_keys: tuple[str, ...]


def header() -> str:
    """Return the first line of every config: what an OpenSSH too old to know is skipped, not fatal.

    ProxyJump is not among them: without it ssh would go straight to a port of this machine.
    """
    return "IgnoreUnknown IdentityAgent,UpdateHostKeys\n"


def host_block(hop: Hop, *, proxy: str = "", name: str = "", aes: bool = False) -> str:
    """Return the Host block of one hop; `proxy` is a whole ProxyJump or ProxyCommand line, `name` another name for it.

    With `aes` the ciphers that use the processors' instructions are asked for first (ciphers.py).

    HostKeyAlias pins the key to the machine: every tunnel ends on 127.0.0.1, and ports are reused.
    """
    lines = [
        f"Host {name or hop.alias}",
        f"  HostName {hop.host}",
        f"  Port {hop.port}",
        f"  User {hop.user}",
        f"  IdentityFile {quoted_path(hop.identity_file)}",
        f"  HostKeyAlias {hop.alias}",
        *([f"  {ciphers.SETTING}"] if aes else []),
        *([f"  {proxy}"] if proxy else []),
    ]
    return "\n".join(lines) + "\n"


def common_block(*known_hosts: Path, clear_forwardings: bool) -> str:
    """Return the block for all hosts; it stands last, since ssh keeps the first value that it meets.

    A host key counts when any of the files `known_hosts` lists it for the host's alias.
    `clear_forwardings` also drops a `-R` of the command line without a word, so a tunnel says no.
    Source: ssh_config(5).
    """
    lines = [
        "Host *",
        "  IdentitiesOnly yes",
        "  IdentityAgent none",
        f"  UserKnownHostsFile {' '.join(quoted_path(path) for path in known_hosts)}",
        # `none` is a file's name for older versions; this one is empty everywhere.
        "  GlobalKnownHostsFile /dev/null",
        "  StrictHostKeyChecking yes",
        "  UpdateHostKeys no",
        "  VerifyHostKeyDNS no",
        "  CheckHostIP no",
        "  ForwardAgent no",
        "  ForwardX11 no",
        "  PermitLocalCommand no",
        # rsync compresses where it pays, for a third of the CPU; and twice would save nothing (measured).
        "  Compression no",
        *(["  ClearAllForwardings yes"] if clear_forwardings else []),
        "  BatchMode yes",
        "  PreferredAuthentications publickey",
        "  ConnectTimeout 10",
        "  ServerAliveInterval 15",
        "  ServerAliveCountMax 3",
    ]
    return "\n".join(lines) + "\n"


def known_hosts(hops: Iterable[Hop]) -> str:
    """Return the known_hosts lines that pin every hop, unhashed so that a person can compare them."""
    return "".join(f"{hop.alias} {key}\n" for hop in hops for key in hop.host_keys)


def quoted_path(path: Path) -> str:
    """Return `path` as a word of ssh_config for the options that expand `%` tokens; ConfigError if it has none."""
    if _UNWRITABLE.search(str(path)):
        raise ConfigError(f'{str(path)!r}: ssh_config has no way to write a path with ", \\, $ or a control character')
    return '"' + str(path).replace("%", "%%") + '"'
