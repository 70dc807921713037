"""Make a store out of an existing folder. Nothing else ever makes one."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal
from uuid import uuid4

from backupjump.config.models import Ownership, StoreKind
from backupjump.errors import NoStore, StoreError
from backupjump.escape import shown
from backupjump.run import utc_now
from backupjump.store.failures import told_as_store_error
from backupjump.store.layout import MARKER_NAME, RESTORE_TEXT_NAME
from backupjump.store.marker import STORE_FORMAT, Marker, read_marker, write_marker
from backupjump.store.probe import Capabilities, probe
from backupjump.store.restore_text import restore_text
from backupjump.store.zone import local_zone

if TYPE_CHECKING:
    from pathlib import Path

WantedKind = Literal["auto", "hardlink", "btrfs"]


@dataclass(frozen=True, kw_only=True)
class NewStore:
    """A store that has just been made, and why it is of its kind.

    `others_can_look` where the folder's own mode was left as it was.
    """

    path: Path
    marker: Marker
    kind_why: str
    others_can_look: bool


def init_store(path: Path, *, kind: WantedKind = "auto", even_with_files: bool = False) -> NewStore:
    """Make the existing folder `path` a store, and return what was found out about it and fixed for good.

    An empty folder (but for lost+found) is made 0700. One with files in it is taken only with
    `even_with_files`, and keeps its mode. Raises `StoreError`, with nothing left behind, when it is a
    store already, can't be written, or its filesystem has no hard links, no locks, or not what `kind` asks for.
    """
    files = _names_in(path)
    _refuse_a_store(path)
    if files and not even_with_files:
        raise StoreError(
            f"{path} is not empty: it holds {shown(files[0])}" + (" and more" if len(files) > 1 else ""),
            hint="is it the right folder? to make it a store all the same: backupjump store init --yes",
        )
    with told_as_store_error(f"{path} can't be made a store"):
        found = probe(path)
        _check(path, found)
        chosen, why = choose_kind(path, kind, found)
        if not files:
            path.chmod(0o700)
        marker = replace(_new_marker(found), kind=chosen)
        _write(path, marker)
        others_can_look = bool(path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))
    return NewStore(path=path, marker=marker, kind_why=why, others_can_look=others_can_look)


def _names_in(path: Path) -> list[str]:
    """Return what a folder holds besides lost+found; it must be there already, for a disk is mounted on it."""
    try:
        return sorted(each.name for each in path.iterdir() if each.name != "lost+found")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NoStore(
            f"there is no folder {path}; a store is made in one that exists, never beside a disk not mounted",
            hint=f"mount its disk, or make the folder: mkdir {path}",
        ) from error
    except OSError as error:
        raise StoreError(f"{path} can't be read: {error.strerror}") from error


def _refuse_a_store(path: Path) -> None:
    if os.path.lexists(path / MARKER_NAME):
        marker = read_marker(path)
        raise StoreError(f"{path} is a store already, uuid {marker.uuid}", hint="nothing to do: backupjump run JOB")


def _check(path: Path, found: Capabilities) -> None:
    if not found.hard_links:
        raise StoreError(
            f"the filesystem of {path} has no hard links, and snapshots share files by them",
            hint="use ext4, xfs or btrfs for the store (not FAT, exFAT or most network shares)",
        )
    if not found.locks:
        raise StoreError(
            f"the filesystem of {path} has no working locks, so two runs could not be kept apart",
            hint="use a local filesystem such as ext4 or xfs, or NFS version 4",
        )


def _new_marker(found: Capabilities) -> Marker:
    return Marker(
        format=STORE_FORMAT,
        uuid=str(uuid4()),
        timezone=local_zone(os.environ),
        ownership=choose_ownership(is_root=os.geteuid() == 0, xattrs=found.xattrs),
        hard_links=found.hard_links,
        xattrs=found.xattrs,
        acls=found.acls,
        nanoseconds=found.nanoseconds,
        created_at=utc_now(),
    )


def choose_kind(path: Path, wanted: WantedKind, found: Capabilities) -> tuple[StoreKind, str]:
    """Return how the snapshots of a store share what did not change, for good, and why; StoreError if it can't be."""
    if wanted == "hardlink":
        return StoreKind.HARDLINK, "as the config says"
    if wanted == "btrfs" and found.no_subvolumes_why:
        raise StoreError(
            f"{path} can't be a store of kind btrfs: {found.no_subvolumes_why}",
            hint="use a folder on btrfs, or write in the config: store: {kind: auto}",
        )
    if found.no_subvolumes_why:
        return StoreKind.HARDLINK, found.no_subvolumes_why
    return StoreKind.BTRFS, "as the config says" if wanted == "btrfs" else "tried: subvolumes work here"


def choose_ownership(*, is_root: bool, xattrs: bool) -> Ownership:
    """Return how a store keeps owners, for good: as they are, in xattrs, or not at all."""
    if is_root:
        return Ownership.NATIVE
    return Ownership.FAKE_SUPER if xattrs else Ownership.PLAIN


def _write(path: Path, marker: Marker) -> None:
    # The marker comes last: from then on the folder is a store.
    page = path / RESTORE_TEXT_NAME
    try:
        page.write_text(restore_text(marker), encoding="ascii")
        write_marker(path, marker)
    except OSError:
        page.unlink(missing_ok=True)
        raise
