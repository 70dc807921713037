"""Pin another host key for a machine that was reinstalled, once a person has compared it there.

Python 3.9, since a Desktop pins its JumpNode as the Server pins both.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from backupjump.config.edit import set_values
from backupjump.errors import BackupjumpError, HostKeyRefused, UsageError
from backupjump.operations.enroll.consent import agreed
from backupjump.ssh.keys import fingerprint

if TYPE_CHECKING:
    from backupjump.config.problem import Where

_KEY_FILES = {"ssh-ed25519": "ed25519", "ssh-rsa": "rsa"}


@dataclass(frozen=True)
class Pin:
    """The host keys that the file at `path` pins for a machine at `where`: one, or the current one and spares."""

    machine: str
    path: Path
    where: Where
    written: str | list[str]
    keys: tuple[str, ...]

    def with_current(self, key: str) -> str | list[str]:
        """Return what is to stand there once `key` is the current one; spares stay."""
        return [key, *self.written[1:]] if isinstance(self.written, list) else key


@dataclass(frozen=True)
class Consent:
    """What was said on the command line; `yes` alone says nothing about a key, so it needs the `fingerprint`."""

    yes: bool = False
    fingerprint: str | None = None

    def check(self) -> Consent:
        """Return itself; UsageError if it would trust whatever key comes."""
        if self.yes and self.fingerprint is None:
            raise UsageError(
                "--yes needs the fingerprint that the machine has, else any stranger's key would be pinned",
                hint="on that machine: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub; then here: "
                "--yes --fingerprint SHA256:…",
            )
        return self


def repin(pin: Pin, offered: str, consent: Consent) -> tuple[str, ...]:
    """Put the host key `offered` in place of the pinned one; return what was done, as lines for people.

    Nothing is changed for a key that is pinned already. HostKeyRefused if it is another one than was said,
    BackupjumpError if the answer is no.
    """
    if offered in pin.keys:
        return (f"{pin.machine} shows its pinned host key {fingerprint(offered)}: nothing to change",)
    if consent.fingerprint not in (None, fingerprint(offered)):
        raise HostKeyRefused(
            f"{pin.machine} offers {fingerprint(offered)}, not {consent.fingerprint}: nothing was changed",
            hint="an impostor, or a mistyped fingerprint? compare on the machine itself: " + compare_line(offered),
        )
    if not agreed("\n".join((*question_lines(pin, offered), "Pin the offered key?")), yes=consent.yes):
        raise BackupjumpError(f"nothing was changed: {pin.machine} stays pinned to {fingerprint(pin.keys[0])}")
    set_values(pin.path, {pin.where: pin.with_current(offered)})
    return (f"{pin.machine} is pinned to {fingerprint(offered)} now, in {pin.path}",)


def question_lines(pin: Pin, offered: str) -> tuple[str, ...]:
    """Return what a person must see before saying yes: both fingerprints, and how to compare."""
    return (
        f"{pin.machine} shows another host key than the pinned one:",
        f"  pinned:  {' or '.join(fingerprint(key) for key in pin.keys)}",
        f"  offered: {fingerprint(offered)}",
        "After a reinstallation that is right; it may also be an impostor. On that machine itself this prints its key:",
        f"  {compare_line(offered)}",
    )


def compare_line(key: str) -> str:
    """Return the command that prints, on the machine itself, the fingerprint of its key of this type."""
    kind = _KEY_FILES.get(key.split()[0], "ecdsa")
    return f"ssh-keygen -lf /etc/ssh/ssh_host_{kind}_key.pub"
