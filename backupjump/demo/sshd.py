"""One real sshd on loopback, for as long as a demo or a test needs it."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from backupjump import process
from backupjump.demo.ports import Ports
from backupjump.demo.process_tree import kill_tree
from backupjump.demo.roles import quoted
from backupjump.errors import BackupjumpError, ProgramMissing
from backupjump.escape import shown_lines

_ANSWERS_WITHIN_SECONDS = 10.0
_SBIN = ("/usr/sbin", "/usr/local/sbin", "/sbin")


class Machine:
    """A machine of the lab: its folder, its host key, its port, its sshd."""

    def __init__(self, name: str, folder: Path, ports: Ports, options: Mapping[str, str]) -> None:
        self.name = name
        self.folder = folder
        self.host_key = folder / "host_key"
        self.authorized_keys = folder / "authorized_keys"
        self.log = folder / "sshd.log"
        self.port = 0
        self._ports = ports
        self._options = options
        self._sshd: process.Child | None = None

    @property
    def host_key_public(self) -> str:
        """Its public host key: the type and the key, as `host_key` in a config takes it."""
        return public_key(self.host_key)

    @property
    def sshd(self) -> process.Child:
        """The sshd that listens; only between `start` and `stop`."""
        assert self._sshd is not None, f"{self.name} is not running"
        return self._sshd

    def start(self) -> None:
        """Start its sshd and return once it answers; on the port it had before, else on a free one."""
        if not self.host_key.exists():
            make_key(self.host_key, comment=f"{self.name} host key")
        if self.port:
            self._listen()
            return
        for _ in range(20):
            self.port = self._ports.take()
            with contextlib.suppress(_PortTaken):
                self._listen()
                return
        raise BackupjumpError(f"{self.name} found no port to listen on")

    def stop(self) -> None:
        """End its sshd and all that it started; does nothing if it is not running."""
        if self._sshd is None:
            return
        if self._sshd.poll() is None:
            # The processes of a connection leave sshd's group by setsid(2), so the group is not enough.
            kill_tree(self._sshd.pid, itself_too=True)
        self._sshd.wait()
        self._sshd = None

    def cut_connections(self) -> None:
        """End every connection at once, as a broken link would; the sshd goes on listening."""
        kill_tree(self.sshd.pid, itself_too=False)

    def renew_host_key(self) -> None:
        """Give it another host key, as a reinstalled machine or an impostor would have, and start it again."""
        self.stop()
        for path in (self.host_key, self.host_key.with_suffix(".pub")):
            path.unlink()
        self.start()

    def _listen(self) -> None:
        config = self.folder / "sshd_config"
        write_private(config, sshd_config(self, self._options))
        with self.log.open("wb") as log:
            self._sshd = process.spawn([sshd_program(), "-D", "-e", "-f", str(config)], stdout=log, stderr=log)
        try:
            _await(self._answers, _ANSWERS_WITHIN_SECONDS)
        except TimeoutError:
            raise BackupjumpError(f"{self.name}: its sshd does not answer\n{self._said()}") from None
        except BaseException:
            self.stop()
            raise

    def _answers(self) -> bool:
        if self.sshd.poll() is not None:
            taken = "already in use" in self._said()
            raise _PortTaken if taken else BackupjumpError(f"{self.name}: its sshd does not start\n{self._said()}")
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                return connection.recv(4) == b"SSH-"
        except OSError:
            return False

    def _said(self) -> str:
        return shown_lines(self.log.read_bytes())


class _PortTaken(Exception):
    """Somebody else listens on the port by now."""


def sshd_config(machine: Machine, options: Mapping[str, str]) -> str:
    """Render the config of `machine`: keys only, loopback only.  Source: sshd_config(5)."""
    settings = {
        "ListenAddress": "127.0.0.1",
        "Port": str(machine.port),
        "HostKey": quoted(machine.host_key),
        "AuthorizedKeysFile": quoted(machine.authorized_keys),
        "PidFile": "none",
        "LogLevel": "VERBOSE",
        "PasswordAuthentication": "no",
        "KbdInteractiveAuthentication": "no",
        "PermitRootLogin": "prohibit-password",
        "PermitUserRC": "no",
        "AllowAgentForwarding": "no",
        "AllowStreamLocalForwarding": "no",
        "GatewayPorts": "no",
        "X11Forwarding": "no",
        "UseDNS": "no",
        "Subsystem": "sftp internal-sftp",
        # With `no`, sshd refuses a root whose password field is `!`, as Ubuntu has it (auth.c, allowed_user).
        "UsePAM": "yes" if os.getuid() == 0 else "no",
        **options,
    }
    return "".join(f"{key} {value}\n" for key, value in settings.items())


def sshd_program() -> str:
    """Return sshd's absolute path, without which it refuses to run (it starts itself anew for each connection)."""
    found = shutil.which("sshd", path=os.pathsep.join([os.environ.get("PATH", ""), *_SBIN]))
    if found is None:
        raise ProgramMissing(
            "sshd is not installed on this machine",
            hint="on Debian or Ubuntu: sudo apt-get install openssh-server",
        )
    return str(Path(found).absolute())


def openssh_version(text: str) -> tuple[int, int]:
    """Return (9, 2) for what `sshd -V` or `ssh -V` of 9.2p1 says; (0, 0) if it names no OpenSSH."""
    match = re.search(r"OpenSSH_(\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def options_of_this_sshd() -> dict[str, str]:
    """Return the settings that depend on the installed sshd; makes the folder that a root's sshd demands."""
    # Older ones know no -V, but name their version above the usage text.
    said = process.run([sshd_program(), "-V"], timeout=10)
    version = openssh_version((said.stdout + said.stderr).decode(errors="replace"))
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    # All that comes out of a tunnel comes from 127.0.0.1: one refused key there would lock out everybody.
    return {"PerSourcePenalties": "no"} if version >= (9, 8) else {}


def strict_modes_problem(folder: Path) -> str | None:
    """Say why sshd's StrictModes can't hold for keys in `folder`, or return None if it can."""
    for each in (folder.resolve(), *folder.resolve().parents):
        status = each.stat()
        if status.st_uid not in (0, os.getuid()) or status.st_mode & 0o022:
            return f"others may write to {each}"
    return None


def make_key(path: Path, *, comment: str) -> Path:
    """Make an ed25519 key pair without a passphrase at `path` and `path`.pub and return `path`."""
    process.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)], timeout=30)
    return path


def public_key(private: Path) -> str:
    """Return the public half of the key `private`: type and key, without the comment."""
    return " ".join(Path(f"{private}.pub").read_text().split()[:2])


def write_private(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Write `text` to `path` for us alone, whatever the umask."""
    path.write_text(text)
    path.chmod(mode)


def _await(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.01)
