"""What a job's service may not do: lines for the [Service] of its unit.

A run reads keys and config, talks to one ssh, and writes below the store and the state folder. What is taken
away beyond that is taken from an rsync that a hostile Desktop has got the better of.
Source: systemd.exec(5), systemd-analyze(1) security.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from backupjump.timing.systemd import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable

# Every unit may say these, a user's too: they need no namespace, and so no privilege.
_FOR_ALL = (
    "NoNewPrivileges=yes",
    "LockPersonality=yes",
    "MemoryDenyWriteExecute=yes",
    "RestrictNamespaces=yes",
    "RestrictRealtime=yes",
    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6",
    "SystemCallArchitectures=native",
    "SystemCallFilter=@system-service",
    "SystemCallErrorNumber=EPERM",
)
_FOR_ROOT = (
    "ProtectSystem=strict",
    "ProtectHome=read-only",
    "ProtectControlGroups=yes",
    "ProtectHostname=yes",
    "ProtectKernelLogs=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelTunables=yes",
    "ProtectProc=invisible",
    "ProcSubset=pid",
    "PrivateMounts=yes",
    "UMask=0077",
)
# A store of root's holds device nodes and setuid bits, and a trial restore makes them anew: so no RestrictSUIDSGID=
# (a user's own files have such bits, too), and no PrivateDevices=. By this list nodes are made, and none is opened.
# ProtectClock= brings a device policy with it: alone, it would refuse to make any.
_FOR_DEVICES = ("DevicePolicy=closed", "DeviceAllow=char-* m", "DeviceAllow=block-* m", "ProtectClock=yes")
# The last is for xattrs below `trusted.`, and for deleting a subvolume of btrfs.
_CAPABILITIES = (
    *("CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID"),
    *("CAP_MKNOD", "CAP_SETFCAP", "CAP_SYS_ADMIN"),
)
_TEMPORARY = (Path("/tmp"), Path("/var/tmp"))  # noqa: S108 (where other paths must not lie)


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What a run has to reach. `writes`: store, state folder, that of the metrics; `reads`: program, config, keys.

    `own_programs`: the job has server_hooks. `system` is False for the units of a user.
    """

    writes: tuple[Path, ...]
    reads: tuple[Path, ...]
    own_programs: bool
    system: bool


def sandbox_lines(needs: Needs) -> tuple[str, ...]:
    """Return the lines, none that would be in the way of what `needs` says. UsageError for an unspeakable path."""
    if needs.own_programs:
        return ("# Not shut in: server_hooks are programs of yours, and need who knows what.",)
    if not needs.system:
        return _FOR_ALL
    capabilities = f"CapabilityBoundingSet={' '.join(_CAPABILITIES)}"
    return (*_FOR_ALL, *_FOR_ROOT, *_FOR_DEVICES, capabilities, *_temporary(needs), *_writable(needs.writes))


def _temporary(needs: Needs) -> list[str]:
    """A /tmp of its own hides the machine's, and so a store or a key that lies there."""
    if any(path.is_relative_to(folder) for path in (*needs.writes, *needs.reads) for folder in _TEMPORARY):
        return _writable(_TEMPORARY)
    return ["PrivateTmp=yes"]


def _writable(paths: Iterable[Path]) -> list[str]:
    # With a `-`, a folder that is not there is passed over: our own words say better than 226/NAMESPACE what is wrong.
    return [f"ReadWritePaths={quoted(f'-{path}')}" for path in paths]
