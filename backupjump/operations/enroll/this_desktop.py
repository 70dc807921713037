"""What there is on this Desktop that an enrolment needs: its account, its sshd, its rsync. Python 3.9."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import pwd
import re
from dataclasses import dataclass
from pathlib import Path

from backupjump import process
from backupjump.errors import BackupjumpError, ProgramMissing, UsageError
from backupjump.escape import shown
from backupjump.gate.probe import GATE_VERSION
from backupjump.gate.rsync_here import ask_rsync, find_rsync
from backupjump.operations.tunnel import look_at_far_end
from backupjump.ssh.client_config import Hop
from backupjump.ssh.tunnel_verdicts import Forward

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_TARGET = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:\[\]]+)):(\d{1,5})", re.ASCII)


@dataclass(frozen=True)
class ThisDesktop:
    """The account that runs this, where the tunnel leads, what its sshd shows, and which programs are there."""

    user: str
    home: Path
    to: str
    host_key: str
    versions: dict[str, str]


def look_at_this_desktop(to: str, *, rsync: Path | None) -> ThisDesktop:
    """Return what is here; BackupjumpError with what to install when an sshd at `to`, or rsync, is missing."""
    account = pwd.getpwuid(os.getuid())
    host, port = _target(to)
    far_end = look_at_far_end(Forward(Hop("bj-here", host, port, account.pw_name, Path(), ()), port, host, port))
    rsync_said, missing = "", []
    if not far_end.answers:
        missing.append((f"no sshd answers on {to}", "openssh-server"))
    try:
        rsync_said = ask_rsync(find_rsync(rsync)).said
    except ProgramMissing:
        missing.append(("there is no rsync", "rsync"))
    if missing:
        packages = " ".join(package for _what, package in missing)
        raise BackupjumpError(
            f"on this Desktop {' and '.join(what for what, _package in missing)}; nothing was changed",
            hint=f"sudo apt-get install -y {packages}   (or what your system calls it), then the same again",
        )
    if far_end.host_key is None:
        raise BackupjumpError(
            f"what answers on {to} shows no ed25519 host key; nothing was changed",
            hint="is it an sshd? then make its key: sudo ssh-keygen -A && sudo systemctl restart ssh",
        )
    return ThisDesktop(account.pw_name, Path(account.pw_dir), to, far_end.host_key, _versions(rsync_said))


def _target(to: str) -> tuple[str, int]:
    match = _TARGET.fullmatch(to)
    host, port = (match[1] or match[2], int(match[3])) if match else ("", 0)
    if host not in _LOOPBACK or not 0 < port < 65536:
        # The key's line says from="127.0.0.1,::1": only what comes from loopback is let in.
        raise UsageError(f"--to {shown(to)!r} must be this machine itself, such as localhost:22")
    return host, port


def _versions(rsync_said: str) -> dict[str, str]:
    ssh = process.run(["ssh", "-V"], timeout=10)
    found = {
        "backupjump": _own_version(),
        "gate": str(GATE_VERSION),
        "openssh": (ssh.stderr + ssh.stdout).decode("ascii", "replace").strip(),
        "python": platform.python_version(),
        "rsync": rsync_said.split("\n", 1)[0],
    }
    return {key: shown(value, limit=80) for key, value in found.items()}


def _own_version() -> str:
    try:
        return importlib.metadata.version("backupjump")
    except importlib.metadata.PackageNotFoundError:  # in the one-file bundle
        return "bundle"
