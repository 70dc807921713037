"""What each role of the lab is told and allowed, as text: key lines, the JumpNode's ssh, both configs.

The three roles share one account, ours. So the JumpNode can't tell tunnel and Server apart by `Match
User` and MaxSessions, as a real one should; here each line of authorized_keys carries all the limits
that its key has, and a forced command in place of MaxSessions 0.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from backupjump.ssh.second_shell import relay_options

LOOPBACK = "127.0.0.1"
DESKTOP = "desktop"
JUMP_NODE = "jumpnode"

_NO_SESSION = 'command="/bin/false"'


@dataclass(frozen=True, kw_only=True)
class Login:
    """How one role logs in to another: where, as whom, with which private key, expecting which host key."""

    port: int
    user: str
    identity_file: Path
    host_key: str


def jump_key_lines(*, port: int, tunnel: str, hop: str, nested: str, relayed: str, person: str) -> str:
    """Return the JumpNode's authorized_keys for the five public keys, `port` being the tunnel's.

    Both limits on each line: permitlisten alone leaves -W free, permitopen alone leaves -R free (measured).
    The hosts are compared as they are spelled, so both spellings stand there.  Source: sshd(8), AUTHORIZED_KEYS.
    """
    listen = f'permitlisten="{LOOPBACK}:{port}",permitlisten="localhost:{port}"'
    reach = f'permitopen="{LOOPBACK}:{port}",permitopen="localhost:{port}"'
    no_listen, no_reach = f'permitlisten="{LOOPBACK}:1"', f'permitopen="{LOOPBACK}:1"'
    lines = (
        f"restrict,port-forwarding,{listen},{no_reach},{_NO_SESSION} {tunnel} tunnel",
        f"restrict,port-forwarding,{reach},{no_listen},{_NO_SESSION} {hop} server",
        f"restrict,pty {nested} server-nested",
        f"{relay_options(DESKTOP)} {relayed} server-relay",
        f"restrict,pty,port-forwarding,{reach},{no_listen} {person} person",
    )
    return "".join(f"{line}\n" for line in lines)


def desktop_key_lines(*, server: str, relay: str, person: str) -> str:
    """Return the Desktop's authorized_keys: the Server, the JumpNode (route nested), a person; by the tunnel only."""
    by_tunnel = 'restrict,from="127.0.0.1,::1"'
    lines = (f"{by_tunnel} {server} server", f"{by_tunnel},pty {relay} jumpnode", f"{by_tunnel},pty {person} person")
    return "".join(f"{line}\n" for line in lines)


def jump_ssh_config(desktop: Login, known_hosts: Path) -> str:
    """Return the ssh_config with which the JumpNode itself reaches the Desktop (route nested)."""
    settings = {
        "HostName": LOOPBACK,
        "Port": str(desktop.port),
        "User": desktop.user,
        "IdentityFile": quoted(desktop.identity_file),
        "IdentitiesOnly": "yes",
        "IdentityAgent": "none",
        "HostKeyAlias": DESKTOP,
        "UserKnownHostsFile": quoted(known_hosts),
        "GlobalKnownHostsFile": "none",
        "StrictHostKeyChecking": "yes",
        "UpdateHostKeys": "no",
        "BatchMode": "yes",
    }
    return f"Host {DESKTOP}\n" + "".join(f"  {key} {value}\n" for key, value in settings.items())


def jump_ssh_wrapper(program: str, config: Path) -> str:
    """Return the JumpNode's `ssh`: the real one, with the lab's config instead of the account's ~/.ssh/config."""
    return f'#!/bin/sh\nexec {program} -F {quoted(config)} "$@"\n'


def server_yaml(
    route: str,
    *,
    store: Path,
    state: Path,
    jump: Login,
    desktop: Login,
    relay_key: Path | None = None,
    lan_port: int = 22,
) -> str:
    """Return backupjump.yaml of the Server for the kind of route named `route`; nested by a relay with `relay_key`.

    For route direct to `lan_port` there is a way by the tunnel behind it.
    """
    nodes = {JUMP_NODE: {"host": LOOPBACK, **_yaml_login(jump)}}
    reach: dict[str, object] = {"route": route, **_yaml_login(desktop)}
    if route == "nested":
        reach = {"route": route, "port": desktop.port, "allow_plaintext_at_jump": True}
    if route == "direct":
        ways = [{"route": route, "host": LOOPBACK, "port": lan_port}, {"jump_node": JUMP_NODE, "port": desktop.port}]
        reach = {key: value for key, value in _yaml_login(desktop).items() if key != "port"} | {"routes": ways}
    if relay_key is not None:
        reach |= {"relay": True, "identity_file": str(relay_key)}
    if route == "local":
        reach["tunnel_ends_here"] = True
    elif route != "direct":
        reach["jump_node"] = JUMP_NODE
    parts = {
        "store": {"path": str(store)},
        "state_dir": str(state),
        "jump_nodes": {} if route == "local" else nodes,
        "desktops": {DESKTOP: reach},
    }
    return _yaml(parts)


def desktop_yaml(jump: Login, *, port: int, to_port: int, state: Path) -> str:
    """Return backupjump.yaml of the Desktop: a tunnel from `port` of the JumpNode to its own `to_port`."""
    tunnel = {"jump_node": {"host": LOOPBACK, **_yaml_login(jump)}, "port": port, "to": f"{LOOPBACK}:{to_port}"}
    return _yaml({"tunnel": tunnel, "state_dir": str(state)})


def job_yaml(sources: tuple[Path, ...]) -> str:
    """Return a job that backs up `sources` of the lab's Desktop, with all else as it is by default."""
    return _yaml({"desktop": DESKTOP, "sources": [str(source) for source in sources]})


def quoted(path: Path | str) -> str:
    """Return `path` as one word of an OpenSSH config or of sh; the lab's folder has no character that acts inside."""
    return f'"{path}"'


def _yaml_login(login: Login) -> dict[str, object]:
    return {
        "port": login.port,
        "user": login.user,
        "identity_file": str(login.identity_file),
        "host_key": login.host_key,
    }


def _yaml(parts: Mapping[str, object]) -> str:
    """Return `parts` as YAML, one line for each: JSON is YAML, and quotes every path."""
    return "".join(f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in parts.items())
