"""doctor on the Server: the store as it stands: its marker, who may look into it, its mount, its room, the clock."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from backupjump.config.models import Ownership
from backupjump.errors import NoStore, StoreError
from backupjump.escape import shown
from backupjump.operations.doctor.finding import FAIL, OK, SKIP, WARN, Finding
from backupjump.operations.doctor.server_words import evidence_of, here_as_root, listed, quoted
from backupjump.operations.report import size
from backupjump.run import rfc3339
from backupjump.store.jobs import job_folders
from backupjump.store.marker import read_marker
from backupjump.store.room import FLOOR, Need, Room, floor_with, room_of
from backupjump.store.snapshots import list_snapshots

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from backupjump.config.models import Server
    from backupjump.store.layout import JobFolder
    from backupjump.store.marker import Marker

# Below both, amber: a share of a disk of 10 TB is plenty, and so are 20 GiB for most nights.
_LITTLE_SHARE, _LITTLE_BYTES, _LITTLE_INODES = 0.05, 20 << 30, 10_000
_WANTED_MOUNT = ("nosuid", "nodev", "noexec")
# A mount of these holds more than a store, whose programs and devices are not ours to switch off.
_SHARED_MOUNTS = frozenset({"/", "/home", "/root", "/srv", "/tmp", "/usr", "/var", "/opt"})  # noqa: S108
_CLOCK_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Mount:
    """A line of /proc/self/mountinfo: where, what kind of filesystem, with which options."""

    at: str
    kind: str
    options: frozenset[str]


def look_at_marker(server: Server, state: Path) -> tuple[Finding, Marker | None]:
    """Return what can be said of the store's marker, and the marker if there is the right one."""
    path = server.store.path
    try:
        marker = read_marker(path, uuid=server.store.uuid)
    except NoStore as error:
        return Finding("store.marker", FAIL, evidence_of(error), _no_store_fix(server, state)), None
    except StoreError as error:
        return Finding("store.marker", FAIL, evidence_of(error), f"ls -la {quoted(path)}"), None
    told = f"{quoted(path)}: uuid {shown(marker.uuid)}, {marker.kind.value}, owners {marker.ownership.value}"
    if marker.ownership is Ownership.NATIVE and os.geteuid() == 0:
        told += "; rsync receives as root here, which trusts each Desktop more than an account of its own would"
        return Finding("store.marker", WARN, told, "useradd --create-home --shell /bin/sh backupjump"), marker
    return Finding("store.marker", OK, told), marker


def _no_store_fix(server: Server, state: Path) -> str:
    """Return what to type: a disk that is not mounted must never become a second store."""
    path = server.store.path
    if not path.is_dir():
        return f"mkdir -m 700 {quoted(path)} && backupjump store init"
    if job_folders(path):
        return "backupjump store init --yes"  # the marker alone is gone: the snapshots are there
    been_one = server.store.uuid is not None or any(state.glob("history-????????-????-*.sqlite3"))
    return here_as_root(f"mount {quoted(path)}") if been_one else "backupjump store init"


def look_at_modes(path: Path, folders: Sequence[JobFolder], marker: Marker) -> Finding:
    """Return what can be said of who may look into the store; it keeps files with the modes of the Desktop."""
    each = [folder for job in folders for folder in (job.path.parent, job.path, job.snapshots)]
    wide = [folder for folder in dict.fromkeys([path, *each]) if folder.is_dir() and folder.stat().st_mode & 0o077]
    if not wide:
        return Finding("store.mode", OK, f"{quoted(path)} is for this account alone")
    fix = f"chmod 700 {quoted(*wide)}"
    ways = [job for job in folders if {path, job.path.parent, job.path, job.snapshots} <= set(wide)]
    if not ways:
        told = f"other accounts may look into {listed(map(quoted, wide))}, though not into a snapshot"
        return Finding("store.mode", WARN, told, fix)
    what = "read what its modes allow"
    if marker.ownership is Ownership.FAKE_SUPER:
        what = "read it and write to it: links and devices are files of mode 0777 there"
    told = (
        f"other accounts may get into the snapshots of {listed(f'{job.desktop}/{job.job}' for job in ways)} and {what}"
    )
    return Finding("store.mode", FAIL, told, fix)


def mount_of(path: Path, mountinfo: str) -> Mount | None:
    """Return the mount that `path` lies on, from the text of /proc/self/mountinfo.  Source: proc(5)."""
    found: Mount | None = None
    for line in mountinfo.splitlines():
        before, dash, after = line.partition(" - ")
        fields, behind = before.split(" "), after.split(" ")
        if not dash or len(fields) < 6 or len(behind) < 2:
            continue
        at = fields[4].encode("ascii", "surrogateescape").decode("unicode_escape")  # \040 is a space
        if path.is_relative_to(at) and (found is None or len(at) >= len(found.at)):
            found = Mount(at=at, kind=behind[0], options=frozenset(fields[5].split(",")))
    return found


def mount_finding(path: Path, mount: Mount | None) -> Finding:
    """Return what can be said of the options that the store's disk is mounted with."""
    if mount is None:
        return Finding("store.mount", SKIP, "this system does not tell how it is mounted")
    lacking = [option for option in _WANTED_MOUNT if option not in mount.options]
    if not lacking:
        return Finding("store.mount", OK, f"{shown(mount.at)}: {mount.kind}, {','.join(_WANTED_MOUNT)}")
    if mount.at in _SHARED_MOUNTS or Path(mount.at) not in (path, path.parent):
        told = f"it shares the {mount.kind} at {shown(mount.at)} with other things; on a disk of its own, mount it with"
        return Finding("store.mount", SKIP, f"{told} {','.join(_WANTED_MOUNT)}")
    told = (
        f"{shown(mount.at)} ({mount.kind}) is mounted without {','.join(lacking)}: a Desktop's setuid file would count"
    )
    fix = here_as_root(f"mount -o remount,{','.join(_WANTED_MOUNT)} {quoted(mount.at)}")
    return Finding("store.mount", WARN, told, fix)


def look_at_room(path: Path, folders: Sequence[JobFolder]) -> Iterator[Finding]:
    """Yield what can be said of free space and inodes, against what a run needs at its end."""
    sizes = [
        each.manifest.stat().st_size for job in folders for each in list_snapshots(job)[-1:] if each.manifest.exists()
    ]
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        found, room = os.fstatvfs(fd), room_of(fd)
    finally:
        os.close(fd)
    yield from room_findings(path, room, floor_with(max(sizes, default=0)), found.f_blocks * found.f_frsize)


def room_findings(path: Path, room: Room, floor: Need, total_bytes: int) -> Iterator[Finding]:
    """Yield a finding for the space and one for the inodes."""
    told = f"{size(room.free_bytes)} of {size(total_bytes)} free"
    little = room.free_bytes < min(_LITTLE_BYTES, _LITTLE_SHARE * total_bytes)
    verdict = FAIL if room.free_bytes < floor.bytes else WARN if little else OK
    yield Finding("store.space", verdict, told, f"du -xsh {quoted(path)}/*/*" if verdict != OK else "")
    if room.inodes is None:
        yield Finding("store.inodes", OK, "this filesystem has no fixed number of them")
        return
    verdict = FAIL if room.inodes < FLOOR.inodes else WARN if room.inodes < _LITTLE_INODES else OK
    yield Finding("store.inodes", verdict, f"{room.inodes} free", f"df -i {quoted(path)}" if verdict != OK else "")


def look_at_clock(folders: Sequence[JobFolder], *, now: datetime) -> Finding:
    """Return whether this machine's clock agrees with the ids of the snapshots: what keeps them goes by it."""
    newest = max((each.taken_at for job in folders for each in list_snapshots(job)[-1:]), default=None)
    if newest is None or (newest - now).total_seconds() <= _CLOCK_SECONDS:
        return Finding("store.clock", OK, f"it is {rfc3339(now)}, not before the last snapshot")
    told = f"it is {rfc3339(now)} by this machine's clock, but a snapshot was taken at {rfc3339(newest)}"
    return Finding("store.clock", FAIL, told, here_as_root("timedatectl set-ntp true"))
