"""What the Server's login comes upon on this Desktop: sshd, account, authorized_keys, seen once for all checks.

Python 3.9.
"""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from backupjump.operations.doctor.key_lines import KeyLine, data_lines, read_lines
from backupjump.operations.doctor.knock import Answer, knock
from backupjump.operations.doctor.sshd_settings import SshdSettings, ask_sshd

if TYPE_CHECKING:
    from backupjump.config.desktop import DesktopConfig

_USUAL_FILES = ".ssh/authorized_keys .ssh/authorized_keys2"
_MOST_BYTES = 1024 * 1024
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Account:
    """The account that runs this, which is the one that the Server logs in to."""

    name: str
    uid: int
    home: Path
    shell: str


@dataclass(frozen=True)
class KeyFile:
    """An authorized_keys that sshd reads for the account: its lines, or why they can't be read."""

    path: Path
    lines: tuple[KeyLine, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class Door:
    """`settings` is None where sshd's can't be read. `lines` are of the Server's data key, each with its file."""

    host: str
    port: int
    account: Account
    settings: SshdSettings | None
    files: tuple[KeyFile, ...]
    answer: Answer

    @property
    def lines(self) -> tuple[tuple[KeyFile, KeyLine], ...]:
        """The lines of the Server's data key."""
        return tuple((file, line) for file in self.files for line in data_lines(file.lines))


def look_at_door(config: DesktopConfig) -> Door:
    """Ask the sshd that the tunnel leads to, and read what it reads; takes half a second, and 25 s at most."""
    tunnel = config.tunnel_or_none
    host, port = (tunnel.to_host, tunnel.to_port) if tunnel else ("localhost", 22)
    account = this_account()
    settings = ask_sshd(port, account.name) if is_this_machine(host) else None
    files = tuple(_read_file(path) for path in key_files(settings, account))
    keys = dict.fromkeys(line.public_key for file in files for line in data_lines(file.lines))
    answer = knock(host, port, account.name, list(keys))
    return Door(host, port, account, settings, files, answer)


def this_account() -> Account:
    """Return the account that runs this, as the machine knows it: sshd asks for its home there, not in $HOME."""
    found = pwd.getpwuid(os.geteuid())
    return Account(found.pw_name, found.pw_uid, Path(found.pw_dir), found.pw_shell or "/bin/sh")


def is_this_machine(host: str) -> bool:
    """Whether `to:` of the tunnel leads to this very machine."""
    return host in _LOOPBACK or host.startswith("127.")


def key_files(settings: SshdSettings | None, account: Account) -> tuple[Path, ...]:
    """Return the files that sshd reads keys from.  Source: sshd_config(5), AuthorizedKeysFile and TOKENS."""
    named = settings.get("authorizedkeysfile", _USUAL_FILES) if settings else _USUAL_FILES
    return tuple(account.home / _expanded(word, account) for word in named.split() if word != "none")


def _expanded(word: str, account: Account) -> str:
    for token, value in (("%h", str(account.home)), ("%u", account.name), ("%U", str(account.uid)), ("%%", "%")):
        word = word.replace(token, value)
    return word


def _read_file(path: Path) -> KeyFile:
    try:
        with path.open("rb") as file:
            return KeyFile(path, read_lines(file.read(_MOST_BYTES)))
    except FileNotFoundError:
        return KeyFile(path)
    except OSError as error:
        return KeyFile(path, problem=error.strerror or "can't be read")
