"""Which rsyncs we pull with, and why not with others. Python 3.9: the doctor of the Desktop asks it too."""

from __future__ import annotations

import re
from dataclasses import dataclass

from backupjump.errors import DesktopUnfit, ProgramMissing
from backupjump.escape import shown

_OLDEST = (3, 2, 5)
_OLDEST_PROTOCOL = 32
_SAFE = (3, 5, 1)
# Before it, a sender's compressed data could make the receiver tell of its own memory: CVE-2026-43618.
_SAFE_TO_UNPACK = (3, 4, 3)


@dataclass(frozen=True)
class RsyncVersion:
    """What `rsync --version` says. `checksums` and `compressions` are in its own order of preference."""

    version: tuple[int, ...]
    text: str
    protocol: int
    checksums: tuple[str, ...] = ()
    openrsync: bool = False
    compressions: tuple[str, ...] = ()


def read_version(text: str) -> RsyncVersion | None:
    """Read the output of `rsync --version`; None if it is something else.

    openrsync (macOS, OpenBSD) names the version of rsync that it is compatible with.
    """
    openrsync = re.search(r"openrsync: protocol version (\d{1,4})", text)
    found = re.search(r"rsync\s+version v?(\d{1,4}(?:\.\d{1,4}){1,3})\S*(?:\s+protocol version (\d{1,4}))?", text)
    protocol = openrsync or (found if found and found[2] else None)
    if found is None or protocol is None:
        return None
    return RsyncVersion(
        version=tuple(int(part) for part in found[1].split(".")),
        text=found[1],
        protocol=int(protocol[1] if openrsync else protocol[2]),
        checksums=_listed(text, "Checksum list:"),
        openrsync=openrsync is not None,
        compressions=_listed(text, "Compress list:"),
    )


def check_local(version: RsyncVersion | None) -> RsyncVersion:
    """Return `version` if this machine's rsync is fit to receive; raise ProgramMissing if not."""
    if version is None or (reason := _unfit(version)):
        raise ProgramMissing(
            f"rsync on this Server: {'its version can not be read' if version is None else reason}",
            hint="install a current rsync: sudo apt-get update && sudo apt-get install rsync",
        )
    return version


def check_desktop(version: RsyncVersion | None, *, desktop: str) -> RsyncVersion:
    """Return `version` if the Desktop's rsync is fit to send; raise DesktopUnfit if not."""
    if version is None or (reason := _unfit(version)):
        raise DesktopUnfit(
            f"rsync on {desktop}: {'its version can not be read' if version is None else reason}",
            hint="install a current rsync on the Desktop (Debian, Ubuntu: sudo apt-get install rsync; macOS: brew)",
        )
    return version


def common_checksum(local: RsyncVersion, remote: RsyncVersion) -> str:
    """Return the checksum that both can: xxh128, which costs least, else md5; DesktopUnfit if neither."""
    for name in ("xxh128", "md5"):
        if name in local.checksums and name in remote.checksums:
            return name
    raise DesktopUnfit(
        f"the two rsyncs share no whole-file checksum: here {shown(' '.join(local.checksums))},"
        f" there {shown(' '.join(remote.checksums))}",
        hint="install a current rsync on both machines",
    )


def why_no_zstd(local: RsyncVersion, remote: RsyncVersion) -> str:
    """Return why the Desktop is not to compress with zstd what it sends here; empty if it may.

    Others than zstd are no choice: lz4 saves less time, zlibx costs the Desktop 2.4 times the CPU (measured).
    """
    for place, version in (("on this Server", local), ("on the Desktop", remote)):
        if "zstd" not in version.compressions:
            return f"the rsync {place}, {version.text}, does not know zstd"
    if local.version < _SAFE_TO_UNPACK:
        return (
            f"the rsync on this Server, {local.text}, is older than 3.4.3: by CVE-2026-43618 a Desktop could use that"
        )
    return ""


def advice(version: RsyncVersion) -> str | None:
    """Return what a person should know about an rsync that is fit but not of the newest; else None.

    Not for every run: a distribution mends an old version without changing what `--version` says.
    """
    if version.version >= _SAFE:
        return None
    return (
        f"rsync {version.text} is older than 3.5.1, the first release in which a Desktop can't make the Server"
        " copy its own files into a snapshot; a distribution may have mended this one without a new number:"
        " see the package's changelog for CVE-2026-53795 and the alt-dest basis fix"
    )


def _unfit(version: RsyncVersion) -> str:
    if version.openrsync:
        return f"this is openrsync (protocol {version.protocol}), which lacks ACLs, xattrs and hard links"
    if version.version < _OLDEST:
        return f"{version.text} is too old: before 3.2.5 a sender could write names that nobody asked for"
    if version.protocol < _OLDEST_PROTOCOL:
        return (
            f"{version.text} speaks protocol {version.protocol}: before protocol 32 a sender could read and write"
            " files of the other side (CVE-2024-12086, CVE-2024-12087)"
        )
    return ""


def _listed(text: str, title: str) -> tuple[str, ...]:
    lines = [line.strip() for line in text.splitlines()]
    if title not in lines:
        return ()
    after = lines[lines.index(title) + 1 : lines.index(title) + 2]
    return tuple(word for word in " ".join(after).split() if re.fullmatch(r"[a-z0-9]+", word))
