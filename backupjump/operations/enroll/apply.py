"""Run a script on the JumpNode by the person's own ssh: own config, own keys, own agent, but the pinned host key."""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from backupjump import process
from backupjump.config.checks import read_host, read_name, read_port
from backupjump.errors import BackupjumpError, UsageError
from backupjump.escape import shown, shown_lines
from backupjump.ssh.client_config import quoted_path

if TYPE_CHECKING:
    from collections.abc import Sequence

_TARGET = re.compile(r"([^@]+)@(?:\[([0-9A-Fa-f:.]+)\]|([^:\[\]@]+))(?::(\d{1,5}))?", re.ASCII)
_SECONDS = 120.0
_SSH_ITSELF_FAILED = 255
# An older one ends at a word that it does not know.  Source: OpenSSH release notes.
_HOSTS_COMMAND_SINCE = (8, 5)


@dataclass(frozen=True, kw_only=True)
class Target:
    """A person's login on a JumpNode. Without a `port` the person's own ssh config decides."""

    user: str
    host: str
    port: int | None

    def __str__(self) -> str:
        return f"{self.user}@{self.host}" + (f":{self.port}" if self.port else "")


class CannotLogIn(BackupjumpError):
    """The person's own ssh got no shell there, or none of root's."""

    code = "key-refused"


def read_target(text: str) -> Target:
    """Read `USER@HOST` or `USER@HOST:PORT`; UsageError for anything that ssh could take otherwise."""
    match = _TARGET.fullmatch(text)
    try:
        if match is None:
            raise ValueError("is not USER@HOST or USER@HOST:PORT")
        port = read_port(int(match[4])) if match[4] else None
        return Target(user=read_name(match[1]), host=read_host(match[2] or match[3]), port=port)
    except ValueError as error:
        raise UsageError(f"--apply {shown(text)} {error}", hint="such as --apply root@jumpnode.domain.ext") from error


def apply_script(script: str, target: Target, *, host_keys: Sequence[str]) -> str:
    """Run `script` on the JumpNode as root (by `sudo -n` for another user) and return what it told, line by line.

    Nobody is asked for a password. CannotLogIn when ssh gets in nowhere, BackupjumpError when the script stopped.
    """
    agent = {name: value for name in ("SSH_AUTH_SOCK",) if (value := os.environ.get(name))}
    with tempfile.TemporaryDirectory(prefix="backupjump-") as folder:
        known_hosts = Path(folder) / "known_hosts"
        known_hosts.write_text("".join(f"bj-apply {key}\n" for key in host_keys), "ascii")
        argv = apply_argv(target, known_hosts, ssh_version=_own_ssh())
        try:
            done = process.run(argv, timeout=_SECONDS, stdin=script.encode("ascii"), environment=agent)
        except process.TimedOut as error:
            raise CannotLogIn(f"{target} gave no answer within {_SECONDS:.0f} s") from error
    if done.status == _SSH_ITSELF_FAILED:
        raise CannotLogIn(f"ssh can't log in as {target}: {shown_lines(done.stderr, lines=4)}")
    if done.status != 0 and target.user != "root" and is_no_root(done.stdout, done.stderr):
        raise CannotLogIn(f"{target} may not become root there by sudo -n: {shown_lines(done.stderr, lines=4)}")
    if done.status != 0:
        raise BackupjumpError(
            f"on the JumpNode, as {target}, it stopped with {done.status}:\n{shown_lines(done.stdout + done.stderr)}",
            hint="what it says must be mended there; then the same again, what is done is not done twice",
        )
    return shown_lines(done.stdout + done.stderr)


def is_no_root(stdout: bytes, stderr: bytes) -> bool:
    """Whether it was sudo that said no, or is not there: the script itself had not begun to tell of anything."""
    return not stdout and re.search(rb"^(?:\S+: (?:line )?\d+: )?sudo: ", stderr, re.M) is not None


def apply_argv(target: Target, known_hosts: Path, *, ssh_version: tuple[int, int]) -> list[str]:
    """Return the ssh that runs a script from its standard input; what is said here wins over the person's config.

    Neither DNS nor a command of theirs may vouch for another host key than the pinned one.

    A master connection of the person's would come in by whatever key was accepted when it was opened.
    """
    options = (
        "BatchMode=yes",
        "StrictHostKeyChecking=yes",
        f"UserKnownHostsFile={quoted_path(known_hosts)}",
        "GlobalKnownHostsFile=/dev/null",
        "VerifyHostKeyDNS=no",
        *(["KnownHostsCommand=none"] if ssh_version >= _HOSTS_COMMAND_SINCE else []),
        "HostKeyAlias=bj-apply",
        "UpdateHostKeys=no",
        "CheckHostIP=no",
        "ControlPath=none",
        "ClearAllForwardings=yes",
        "ForwardAgent=no",
        "ConnectTimeout=15",
    )
    words = [word for option in options for word in ("-o", option)]
    port = ["-p", str(target.port)] if target.port else []
    command = ("sh", "-s") if target.user == "root" else ("sudo", "-n", "sh", "-s")
    return ["ssh", "-T", *words, *port, "-l", target.user, "--", target.host, *command]


def _own_ssh() -> tuple[int, int]:
    said = process.run(["ssh", "-V"], timeout=_SECONDS).stderr.decode("ascii", "replace")
    found = re.match(r"OpenSSH_(\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else (0, 0)
