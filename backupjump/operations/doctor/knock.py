"""Ask an sshd whom it would let in, with public keys alone: nobody is logged in, and no private key is needed.

An OpenSSH client that has only the public half of a key offers it all the same. sshd says whether it would take a
signature of it, ssh prints `Server accepts key`, and ends as it has nothing to sign with.
Source: RFC 4252, section 7 (SSH_MSG_USERAUTH_PK_OK); sshconnect2.c, input_userauth_pk_ok; seen with OpenSSH 9.2.
Python 3.9.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from backupjump import process
from backupjump.escape import shown, shown_lines

_SECONDS = 15.0
_OPTIONS = (
    "IdentitiesOnly=yes",
    "IdentityAgent=none",
    "BatchMode=yes",
    "PreferredAuthentications=publickey",
    # It is asked for its key, and told nothing: what is pinned is pinned on the other machines.
    "StrictHostKeyChecking=no",
    "UserKnownHostsFile=/dev/null",
    "GlobalKnownHostsFile=/dev/null",
    "UpdateHostKeys=no",
    "ClearAllForwardings=yes",
    "ConnectTimeout=10",
)
_HOST_KEY = re.compile(r"^debug1: Server host key: (\S+ SHA256:[A-Za-z0-9+/]+)", re.M)
_SOFTWARE = re.compile(r"^debug1: Remote protocol version \S+, remote software version (.+)$", re.M)
_METHODS = re.compile(r"^debug1: Authentications that can continue: (\S+)", re.M)
_TAKES = re.compile(r"^debug1: Server accepts key: (\S+) ", re.M)
_NOISE = (
    "debug",
    "OpenSSH_",
    "Warning: Permanently",
    "@",
    "Permissions ",
    "It is required",
    "This private",
    "Load key",
)


@dataclass(frozen=True)
class Answer:
    """What an sshd said: `software` is empty if none answered, and `why` then tells; `taken` are the keys it takes."""

    software: str
    host_key: str
    methods: tuple[str, ...]
    taken: tuple[str, ...]
    why: str

    @property
    def version(self) -> tuple[int, int]:
        """(9, 2) for OpenSSH_9.2p1; (0, 0) for another one."""
        found = re.search(r"OpenSSH_(\d+)\.(\d+)", self.software)
        return (int(found[1]), int(found[2])) if found else (0, 0)


def knock(host: str, port: int, user: str, keys: Sequence[str]) -> Answer:
    """Ask the sshd at `host`:`port` which of the public `keys` it would take for `user`; one connection."""
    with tempfile.TemporaryDirectory(prefix="backupjump-") as name:
        paths = [Path(name) / f"{number}.pub" for number in range(len(keys))]
        for path, key in zip(paths, keys):  # noqa: B905 (3.9)
            path.write_text(key + "\n", encoding="ascii")
        try:
            done = process.run(knock_argv(host, port, user, paths), timeout=_SECONDS)
            said = done.stderr.decode("utf-8", "replace")
        except process.TimedOut:
            said = f"no answer within {_SECONDS:.0f} s"
    return read_answer(said, dict(zip(map(str, paths), keys)))  # noqa: B905 (3.9)


def knock_argv(host: str, port: int, user: str, keys: Iterable[Path]) -> tuple[str, ...]:
    """Return the ssh that offers the public `keys`; `-F /dev/null` keeps the account's own config out of it."""
    options = [word for option in _OPTIONS for word in ("-o", option)]
    offered = [word for key in keys for word in ("-i", str(key))]
    return ("ssh", "-v", "-F", "/dev/null", *options, *offered, "-p", str(port), "-l", user, "--", host, "true")


def read_answer(said: str, offered: dict[str, str]) -> Answer:
    """Read what `ssh -v` printed; `offered` are the public keys by the path that each was given in."""
    said = said.replace("\r", "")
    software, host_key, methods = _SOFTWARE.search(said), _HOST_KEY.search(said), _METHODS.search(said)
    spoken = [line for line in said.splitlines() if line.strip() and not line.startswith(_NOISE)]
    return Answer(
        software=shown(software[1], limit=80) if software else "",
        host_key=host_key[1] if host_key else "",
        methods=tuple(shown(word) for word in methods[1].split(",")) if methods else (),
        taken=tuple(offered[path] for path in _TAKES.findall(said) if path in offered),
        why=shown_lines("\n".join(spoken[-2:]), limit=200).replace("\n", "; "),
    )
