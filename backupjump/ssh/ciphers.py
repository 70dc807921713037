"""Which cipher ssh asks for first: AES-GCM where both ends have instructions for it, else what OpenSSH would.

An order, no demand: an sshd that offers none gets the next one. With the instructions AES-GCM costs the processor less
than the ChaCha20 that OpenSSH asks for first, without them twice as much (measured). Python 3.9 and newer.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from backupjump import process
from backupjump.cpu import has_aes
from backupjump.errors import ProgramMissing
from backupjump.whole_files import write_private_files

SETTING = "Ciphers ^aes128-gcm@openssh.com,aes256-gcm@openssh.com"
"""What ssh_config says for it. `^` puts them before the default set (ssh_config(5)); older ones than 8.1 end at it."""

_PEER = "desktop-cpu"
_AES, _NO_AES = "aes\n", "no aes\n"


def prefers_aes() -> bool:
    """Whether this machine has the instructions, and its ssh takes the setting.

    For the way to a JumpNode that is all that counts: it does not say what it is, and what rents or stands as one has
    them, but for small boards. There AES-GCM still fills a line of 400 Mbit/s.
    """
    return has_aes() is True and _ssh_takes_it()


@lru_cache(maxsize=1)
def _ssh_takes_it() -> bool:
    # One built without OpenSSL, or held to a policy, may lack them, and ends at a name that it does not know.
    argv = ("ssh", "-G", "-F", "/dev/null", "-o", SETTING.replace(" ", "=", 1), "localhost")
    try:
        return process.run(argv, timeout=10).status == 0
    except (process.TimedOut, ProgramMissing):
        return False


def note_desktop(folder: Path, aes: bool | None) -> bool:  # noqa: FBT001 (as the gate tells it: None is unknown)
    """Keep beside a route's ssh files whether its Desktop has the instructions; return whether that is news."""
    if aes is None or desktop_has_aes(folder) is aes:
        return False
    write_private_files(folder, {_PEER: _AES if aes else _NO_AES})
    return True


def desktop_has_aes(folder: Path) -> bool | None:
    """Return what the Desktop of the route with this `folder` said last; None if nothing is known."""
    try:
        return {_AES: True, _NO_AES: False}.get((folder / _PEER).read_text("ascii", "replace")[:100])
    except OSError:
        return None
