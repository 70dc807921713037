"""The three machines with all keys in their places, as enrolment's own lines and script leave them.

Three Desktops are known to the JumpNode: `laptop` on port 2020, `other` on 2021, whose tunnel key was stolen, and
one on 2022 whose key has ended.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from backupjump.operations.enroll.authorized_keys import DATA, HOP, TUNNEL, Mark, data_line, hop_line, tunnel_line
from backupjump.operations.enroll.jump_node import Accounts, KeyChange, set_up_script
from lab.attacker import Attacker, listening
from lab.machines import JUMP_NAME, RELOAD_SSHD, Machine, Machines, machines
from program import until

LAPTOP_PORT, OTHER_PORT, THIRD_PORT = 2020, 2021, 2022
_ID = "0123abcd"
_LONG_AGO, _FAR_AHEAD = date(2020, 1, 1), date(2037, 12, 31)
_CONFIG = """Host there
  HostName {host}
  User {account}
  IdentityFile ~/.ssh/{key}
  HostKeyAlias {host}
  {way}
Host *
  BatchMode yes
  IdentitiesOnly yes
  StrictHostKeyChecking yes
  UserKnownHostsFile ~/.ssh/known
"""
# Somebody with a key and no limits at all: what he gets shows that a try is worth something.
_FREE = """Match User free,me
  AllowTcpForwarding yes
  AllowStreamLocalForwarding yes
  AllowAgentForwarding yes
  GatewayPorts clientspecified
  X11Forwarding yes
Match all
"""
_DESKTOP = """tunnel:
  jump_node: {{host: {host}, user: tunnel, identity_file: ~/.ssh/laptop, host_key: {jump}}}
  port: {port}
  to: localhost:22
gate: {{read: [/home/me/documents]}}
"""
_SERVER = """store: {{path: /srv/backups}}
jump_nodes:
  jumpnode: {{host: {host}, user: bjserver, identity_file: ~/.ssh/hop, host_key: {jump}}}
desktops:
  laptop:
    {{jump_node: jumpnode, port: {port}, user: me, identity_file: ~/.ssh/data, host_key: {laptop}, tunnel_key: {key}}}
"""


@dataclass(frozen=True)
class Admitted:
    """The machines, and who holds a key: `other`'s tunnel key, one that has ended, the hop key, laptop's data key,
    and one without limits.
    """

    three: Machines
    tunnel: Attacker
    ended: Attacker
    hop: Attacker
    data: Attacker
    free: Attacker

    @contextmanager
    def tunnel_open(self, *, on: str = "127.0.0.1") -> Iterator[None]:
        """Have laptop's tunnel open, which the JumpNode makes listen `on` an address."""
        ends = {f"{on}:{LAPTOP_PORT}", f"127.0.0.1:{LAPTOP_PORT}"}
        # Again and again: an sshd that has been told to read its config anew is away for a moment.
        ask = f"ssh -N -F .ssh/as-laptop -o ExitOnForwardFailure=yes -R 127.0.0.1:{LAPTOP_PORT}:localhost:22 there"
        with self.three.desktop.running(f"until {ask}; do sleep 0.2; done", user="me"):
            until(lambda: f"{on}:{LAPTOP_PORT}" in listening(self.three.jump), what="the tunnel")
            yield
        until(lambda: not ends & listening(self.three.jump), what="the end of the tunnel")


@contextmanager
def admitted(folder: Path) -> Iterator[Admitted]:
    """Start the machines and put every key into its place; no tunnel is open."""
    with machines(folder) as three:
        desktop, jump, server = three
        keys = {name: _key(desktop, "me", name) for name in ("laptop", "other", "ended", "free")}
        keys |= {name: _key(server, "backup", name) for name in ("hop", "data")}
        for machine, user in ((desktop, "me"), (server, "backup")):
            _write(machine, user, ".ssh/known", f"{JUMP_NAME} {jump.host_key}\nlaptop {desktop.host_key}\n")
        _set_up_jump_node(jump, keys)
        _set_up_desktop(desktop, jump, keys["data"])
        _set_up_server(three, keys["laptop"])
        _holder(desktop, "me", "laptop", account="tunnel", target=jump)
        hop = _holder(server, "backup", "hop", account="bjserver", target=jump)
        way = f"ProxyCommand ssh -F {hop.config} -W 127.0.0.1:{LAPTOP_PORT} there"
        yield Admitted(
            three,
            tunnel=_holder(desktop, "me", "other", account="tunnel", target=jump),
            ended=_holder(desktop, "me", "ended", account="tunnel", target=jump),
            hop=hop,
            data=_holder(server, "backup", "data", account="me", target=desktop, host="laptop", way=way),
            free=_holder(desktop, "me", "free", account="free", target=jump),
        )


def _set_up_jump_node(jump: Machine, keys: dict[str, str]) -> None:
    until_when = {"laptop": (LAPTOP_PORT, _FAR_AHEAD), "other": (OTHER_PORT, None), "ended": (THIRD_PORT, _LONG_AGO)}
    tunnels = tuple(
        tunnel_line(Mark(TUNNEL, name, _ID), keys[name], port=port, expires=expires)
        for name, (port, expires) in until_when.items()
    )
    hop = hop_line(Mark(HOP, "jumpnode", _ID), keys["hop"])
    changes = [KeyChange(account="tunnel", lines=tunnels), KeyChange(account="bjserver", lines=(hop,))]
    jump.must("useradd --create-home --shell /bin/bash free")
    _write(jump, "free", ".ssh/authorized_keys", f"{keys['free']}\n")
    jump.file("/etc/ssh/sshd_config.d/free.conf").write_text(_FREE)
    # X11 needs a program of that name at both ends, whatever it does.
    jump.must("[ -x /usr/bin/xauth ] || ln -s /bin/true /usr/bin/xauth")
    said = jump.must("sh -s", paste=set_up_script(Accounts(), changes))
    assert "sshd: reloaded" in said
    assert "warning" not in said


def _set_up_desktop(desktop: Machine, jump: Machine, data_key: str) -> None:
    config = "/home/me/.config/backupjump/backupjump.yaml"
    gate = (str(Path(sys.executable).with_name("backupjump-gate")), "--config", config)
    line = data_line(Mark(DATA, "laptop", _ID), data_key, gate_argv=gate, expires=None)
    _write(desktop, "me", config, _DESKTOP.format(host=JUMP_NAME, jump=jump.host_key, port=LAPTOP_PORT))
    _write(desktop, "me", ".ssh/authorized_keys", f"{line}\n")
    desktop.file("/etc/ssh/sshd_config.d/free.conf").write_text(_FREE)
    desktop.must(RELOAD_SSHD)
    desktop.must("mkdir documents && echo mine >documents/mine && echo private >private", user="me")


def _set_up_server(three: Machines, tunnel_key: str) -> None:
    folder = ".config/backupjump"
    jump, laptop = three.jump.host_key, three.desktop.host_key
    config = _SERVER.format(host=JUMP_NAME, jump=jump, port=LAPTOP_PORT, laptop=laptop, key=tunnel_key)
    _write(three.server, "backup", f"{folder}/backupjump.yaml", config)
    _write(three.server, "backup", f"{folder}/jobs/laptop.yaml", "desktop: laptop\nsources: [/home/me/documents]\n")
    three.server.must("backupjump store init", user="backup")


def _holder(
    machine: Machine, user: str, key: str, *, account: str, target: Machine, host: str = JUMP_NAME, way: str = ""
) -> Attacker:
    config = f"/home/{user}/.ssh/as-{key}"
    _write(machine, user, config, _CONFIG.format(host=host, account=account, key=key, way=way))
    return Attacker(machine, user, config, target)


def _key(machine: Machine, user: str, name: str) -> str:
    machine.must(f"mkdir -p -m 700 .ssh && ssh-keygen -q -t ed25519 -N '' -f .ssh/{name}", user=user)
    return " ".join(machine.file(f"/home/{user}/.ssh/{name}.pub").read_text().split()[:2])


def _write(machine: Machine, user: str, path: str, text: str) -> None:
    machine.must(f"umask 077 && mkdir -p $(dirname {path}) && cat >{path}", user=user, paste=text)
