"""What the sshd of this machine is set to, for one account that comes from loopback. Python 3.9.

Source: sshd(8), -T and -C; sshd_config(5).
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from backupjump import process
from backupjump.errors import ProgramMissing
from backupjump.operations.doctor.listeners import argv_of, listeners

_SECONDS = 10.0
_SBIN = "/usr/sbin:/usr/local/sbin:/sbin:/opt/homebrew/sbin"
# sshd writes its state behind its argv: `sshd: /usr/sbin/sshd -D -f FILE [listener] 0 of 10-100 startups`.
_CONFIG = re.compile(r"(?:^|\s)-f\s*(\S+)")


@dataclass(frozen=True)
class SshdSettings:
    """Each setting by its name in lower case; one that stands there several times has several values."""

    values: Mapping[str, tuple[str, ...]]

    def get(self, name: str, default: str = "") -> str:
        """Return the value of a setting, its several ones with spaces between."""
        return " ".join(self.values.get(name, ())) or default


def ask_sshd(port: int, user: str) -> SshdSettings | None:
    """Return the settings of the sshd that listens on `port`, as they are for `user` from loopback.

    None where they can't be read: another account's files, or nobody knows which sshd it is.
    """
    program = sshd_program()
    if program is None:
        return None
    with tempfile.TemporaryDirectory(prefix="backupjump-") as folder:
        # sshd tells nothing without a host key that it can read, and only root reads the machine's own.
        config = config_file(port)
        try:
            key = [] if os.geteuid() == 0 else ["-h", _host_key(Path(folder))]
            argv = [program, "-T", *key, *(["-f", config] if config else [])]
            done = process.run([*argv, "-C", f"user={user},host=localhost,addr=127.0.0.1"], timeout=_SECONDS)
        except (process.TimedOut, ProgramMissing):
            return None
    settings = read_settings(done.stdout.decode("utf-8", "replace"))
    return settings if str(port) in settings.values.get("port", ()) else None


def read_settings(text: str) -> SshdSettings:
    """Read the output of `sshd -T`."""
    found: dict[str, tuple[str, ...]] = {}
    for line in text.splitlines():
        name, _, value = line.partition(" ")
        found[name.lower()] = (*found.get(name.lower(), ()), value)
    return SshdSettings(found)


def config_file(port: int) -> str:
    """Return the config that the sshd on `port` was started with by -f; nothing for the usual one."""
    for listener in listeners(port):
        words = " ".join(argv_of(listener))
        if "sshd" in words and (found := _CONFIG.search(words)):
            return found[1]
    return ""


def sshd_program() -> str | None:
    """Return the full path of sshd, which a plain account's PATH often lacks; None if there is none."""
    return shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:{_SBIN}")


def _host_key(folder: Path) -> str:
    path = str(folder / "key")
    process.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], timeout=_SECONDS)
    return path
