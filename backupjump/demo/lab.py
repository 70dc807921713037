"""The three roles on this one machine, with real sshds on loopback: what `demo` shows and tests/lab stands on.

All of it lies in one folder; nothing in ~/.ssh is read or written, and every process ends with the lab.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from backupjump.demo import roles
from backupjump.demo.ports import Ports
from backupjump.demo.sshd import (
    Machine,
    make_key,
    options_of_this_sshd,
    public_key,
    strict_modes_problem,
    write_private,
)
from backupjump.errors import BackupjumpError, ProgramMissing, UsageError
from backupjump.operations.tunnel import open_tunnel
from backupjump.ssh.client_config import Hop
from backupjump.ssh.tunnel import TunnelChild
from backupjump.ssh.tunnel_verdicts import Forward

_FOLDERS = ("jump/bin", "jump/keys", "desktop/home", "desktop/keys", "server/keys", "server/store", "server/state")
_NO_SHELL = ("nologin", "false", "true")


class Lab:
    """Desktop, JumpNode and Server below one folder; `with` starts the sshds and ends all on the way out.

    `folder` is made, or is empty. `notes` says what differs from three real machines. On route local the
    sshd of `jump` plays the Server's own. A `bare` one has machines that know nobody yet, to be enrolled.
    """

    jump: Machine
    desktop: Machine

    def __init__(self, folder: Path, *, bare: bool = False) -> None:
        self.folder = folder.absolute()
        self.bare = bare
        self.home = self.folder / "desktop/home"
        self.store = self.folder / "server/store"
        self.state = self.folder / "server/state"
        self.tunnel_key = self.folder / "desktop/keys/tunnel"
        self.hop_key = self.folder / "server/keys/jumpnode"
        self.nested_key = self.folder / "server/keys/jumpnode-nested"
        self.relayed_key = self.folder / "server/keys/relayed"
        self.data_key = self.folder / "server/keys/desktop"
        self.person_key = self.folder / "server/keys/person"
        self.relay_key = self.folder / "jump/keys/desktop"
        self.notes: tuple[str, ...] = ()
        self.tunnel_port = 0
        self.user = ""
        self._ports = Ports()
        self._machines: list[Machine] = []
        self._tunnel: TunnelChild | None = None

    def __enter__(self) -> Lab:
        try:
            self._build()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """End the tunnel, both sshds and whatever ran in their sessions; the files stay."""
        self.close_tunnel()
        while self._machines:
            self._machines.pop().stop()
        self._ports.release()

    def leave_running(self) -> tuple[int, ...]:
        """Let the tunnel and both sshds outlive this program; return the process ids that end them all."""
        pids = [machine.sshd.pid for machine in self._machines]
        if self._tunnel is not None:
            pids.insert(0, self._tunnel.pid)
        self._tunnel = None
        self._machines.clear()
        return tuple(pids)

    def open_tunnel(self, forward: Forward | None = None) -> TunnelChild:
        """Open the Desktop's reverse tunnel as `tunnel open` does; return it once the JumpNode has confirmed it.

        `forward` is what an enrolled Desktop asks for; by default the lab's own.
        """
        self.close_tunnel()
        # What the demo leaves running is to live on without it.
        folder = self.folder / "desktop/tunnel"
        self._tunnel = open_tunnel([forward or self.forward], folder=folder, outlives_us=True)
        return self._tunnel

    def close_tunnel(self) -> None:
        """Close the tunnel if it is open."""
        if self._tunnel is not None:
            self._tunnel.close()
            self._tunnel = None

    @property
    def forward(self) -> Forward:
        """What the Desktop asks of the JumpNode."""
        login = self._tunnel_login()
        keys = (login.host_key,)
        jump = Hop("bj-jump", roles.LOOPBACK, login.port, login.user, login.identity_file, keys)
        return Forward(jump=jump, port=self.tunnel_port, to_host=roles.LOOPBACK, to_port=self.desktop.port)

    def server_config(
        self, route: str = "proxyjump", *, jobs: Mapping[str, str] | None = None, relay: bool = False
    ) -> Path:
        """Write the Server's config for `route` with its `jobs` (name to YAML text) and return its path.

        Without `jobs` there is one, nightly, that backs up `home`. `relay`: route nested by the forced command.
        """
        folder = self.folder / "server" / (f"{route}-relay" if relay else route)
        _make(folder / "jobs")
        hop_key = self.nested_key if route == "nested" else self.hop_key
        text = roles.server_yaml(
            route,
            store=self.store,
            state=self.state,
            jump=self._login(self.jump, self.jump.port, hop_key),
            desktop=self._login(self.desktop, self.tunnel_port, self.data_key),
            relay_key=self.relayed_key if relay else None,
            lan_port=self.desktop.port,
        )
        write_private(folder / "backupjump.yaml", text)
        for name, job in (jobs or {"nightly": roles.job_yaml((self.home,))}).items():
            write_private(folder / f"jobs/{name}.yaml", job)
        return folder / "backupjump.yaml"

    def desktop_config(self) -> Path:
        """Write the Desktop's config and return its path."""
        path = self.folder / "desktop/backupjump.yaml"
        text = roles.desktop_yaml(
            self._tunnel_login(),
            port=self.tunnel_port,
            to_port=self.desktop.port,
            state=self.folder / "desktop/state",
        )
        write_private(path, text)
        return path

    def _build(self) -> None:
        self.user = _account()
        _make_empty(self.folder)
        for name in _FOLDERS:
            _make(self.folder / name)
        self.tunnel_port = self._ports.take()
        options = self._sshd_options()
        self.desktop = self._machine("desktop", options, f"HOME={self.home}")
        path = f"{self.folder / 'jump/bin'}:/usr/local/bin:/usr/bin:/bin"
        # No session at all, as for the hop key of a real JumpNode: here one account has both keys. The other roles of
        # the lab need one there (route nested, a person).
        sessions = {"MaxSessions": "0"} if self.bare else {}
        self.jump = self._machine("jump", {**options, **sessions}, f"HOME={self.folder / 'jump'}", f"PATH={path}")
        if self.bare:
            for machine in self._machines:
                write_private(machine.authorized_keys, "")
        else:
            self._make_keys()
        for machine in self._machines:
            machine.start()
        if not self.bare:
            self._write_jump_files()

    def _make_keys(self) -> None:
        keys = (self.tunnel_key, self.hop_key, self.nested_key, self.data_key, self.person_key, self.relay_key)
        for key in (*keys, self.relayed_key):
            make_key(key, comment=key.name)
        self._write_desktop_keys()

    def _sshd_options(self) -> dict[str, str]:
        problem = strict_modes_problem(self.folder)
        if problem:
            self.notes += (f"StrictModes is off in both throw-away sshds, since {problem}",)
        return {**options_of_this_sshd(), "StrictModes": "no" if problem else "yes"}

    def _machine(self, name: str, options: Mapping[str, str], *environment: str) -> Machine:
        # sshd sets these last, over PAM's (tried with bash and dash). The HOME keeps bash and zsh from the
        # account's own start-up files: `pyenv init` in a .bashrc takes a lock, and a session that is ended
        # before it gives it back holds up every later one for a minute (seen).
        set_env = " ".join(roles.quoted(each) for each in environment)
        machine = Machine(name, self.folder / name, self._ports, {**options, "SetEnv": set_env})
        self._machines.append(machine)
        return machine

    def _write_desktop_keys(self) -> None:
        lines = roles.desktop_key_lines(
            server=public_key(self.data_key), relay=public_key(self.relay_key), person=public_key(self.person_key)
        )
        write_private(self.desktop.authorized_keys, lines)

    def _write_jump_files(self) -> None:
        lines = roles.jump_key_lines(
            port=self.tunnel_port,
            tunnel=public_key(self.tunnel_key),
            hop=public_key(self.hop_key),
            nested=public_key(self.nested_key),
            relayed=public_key(self.relayed_key),
            person=public_key(self.person_key),
        )
        write_private(self.jump.authorized_keys, lines)
        config, known_hosts = self.jump.folder / "ssh_config", self.jump.folder / "known_hosts"
        write_private(known_hosts, f"{roles.DESKTOP} {self.desktop.host_key_public}\n")
        desktop = self._login(self.desktop, self.tunnel_port, self.relay_key)
        write_private(config, roles.jump_ssh_config(desktop, known_hosts))
        ssh = shutil.which("ssh")
        if ssh is None:
            raise ProgramMissing("ssh is not installed on this machine", hint="sudo apt-get install openssh-client")
        write_private(self.jump.folder / "bin/ssh", roles.jump_ssh_wrapper(ssh, config), mode=0o700)

    def _tunnel_login(self) -> roles.Login:
        return self._login(self.jump, self.jump.port, self.tunnel_key)

    def _login(self, machine: Machine, port: int, key: Path) -> roles.Login:
        return roles.Login(port=port, user=self.user, identity_file=key, host_key=machine.host_key_public)


def _account() -> str:
    """Return the name of the account we run as, which is the one to log in to."""
    try:
        account = pwd.getpwuid(os.getuid())
    except KeyError as error:
        raise BackupjumpError(f"user id {os.getuid()} has no account on this machine") from error
    if Path(account.pw_shell).name in _NO_SHELL:
        raise BackupjumpError(
            f"{account.pw_name} has no login shell ({account.pw_shell}), so sshd lets nobody in as it"
        )
    return account.pw_name


def _make_empty(folder: Path) -> None:
    # ssh hands its -F on to the ssh of ProxyJump without quotes, so even a space can't be in the path (measured).
    if odd := re.search(r"[^\w/.,+@=-]", str(folder)):
        raise UsageError(
            f"{folder} has a character that OpenSSH can't take in a path: {odd[0]!r}",
            hint="name another folder: backupjump demo --dir DIR",
        )
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty")


def _make(folder: Path) -> None:
    """Make `folder` and those above it, for nobody else to write to: many accounts have the umask 002."""
    if not folder.exists():
        _make(folder.parent)
        folder.mkdir(mode=0o755)
