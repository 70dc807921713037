"""From a snapshot and a folder to what a restore would do: everything is looked at, nothing is written."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from backupjump.errors import RestoreRefused, StoreError
from backupjump.escape import shown
from backupjump.operations.restore.copy import copy, copy_argv, differing
from backupjump.operations.restore.decisions import Draft, Extra, Mode, aside_name
from backupjump.operations.restore.target import TargetFolder
from backupjump.operations.snapshot_paths import ancestors, select, under, unknown_path
from backupjump.store.manifest import read_manifest, sha256_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from backupjump.store.manifest import Entry
    from backupjump.store.marker import Marker
    from backupjump.store.snapshots import Snapshot


@dataclass(frozen=True, kw_only=True)
class RestorePlan:
    """What a restore would do. Paths are full ones on the Desktop, without a leading slash.

    `write` comes from the snapshot; `replace` gives for each path where something else stands the name
    that this gets. `folders` and `unchanged` are there: the first get the snapshot's attributes, to the
    second new hard links may lead. `delete` is what the snapshot does not have. `kept` counts entries that
    stay unwritten since something is there, `skipped` devices, which only root can make.
    """

    snapshot: Snapshot
    marker: Marker
    target: Path
    mode: Mode
    write: tuple[Entry, ...]
    replace: Mapping[bytes, bytes]
    folders: tuple[Entry, ...]
    unchanged: tuple[Entry, ...]
    delete: tuple[Extra, ...]
    kept: int
    skipped: int

    @property
    def files(self) -> int:
        """How many entries that are no folders are written."""
        return sum(entry.type != "dir" for entry in self.write)

    @property
    def size_bytes(self) -> int:
        """How many bytes of regular files are written; one more hard link costs nothing."""
        return sum({entry.ino: entry.size for entry in self.write if entry.type == "file"}.values())

    @property
    def files_deleted(self) -> int:
        """How many files are deleted; a folder without any counts as one."""
        return sum(max(extra.files, 1) for extra in self.delete)

    @property
    def destroys(self) -> bool:
        """Whether something that is there would be gone for good."""
        return bool(self.delete) or (self.mode is Mode.EXACT and bool(self.replace))


def plan_restore(
    snapshot: Snapshot, marker: Marker, paths: Sequence[bytes], *, store: Path, target: Path, mode: Mode
) -> RestorePlan:
    """Return what restoring `paths` (without any: all) from `snapshot` below `target` would do; writes nothing.

    Raises UsageError for a path that the snapshot does not have, RestoreRefused for a target in the
    store, for a symlink in the way, and for a snapshot whose tree lacks what its manifest lists.
    """
    target = _real_folder(target)
    there = TargetFolder(target)
    draft = _draft(snapshot, paths or [b""], Draft(mode=mode, target=there, devices=os.geteuid() == 0))
    _check_tree(snapshot, [*draft.absent, *draft.in_the_way, *draft.to_compare, *draft.folders])
    changed = _changed(snapshot, marker, target, draft.to_compare)
    moved = [*draft.in_the_way, *(entry for entry in draft.to_compare if entry.path in changed)]
    gone = [*(entry.path for entry in moved), *(extra.path for extra in draft.extras)]
    _keep_out_of_the_store(target, store, draft.paths, gone)
    if mode is Mode.EXACT:
        for entry in moved:
            there.measure(entry.path)  # refuses what could not be deleted afterwards
    return RestorePlan(
        snapshot=snapshot,
        marker=marker,
        target=target,
        mode=mode,
        write=(*draft.absent, *moved),
        replace=_names_aside(moved, snapshot.id, draft),
        folders=tuple(draft.folders),
        unchanged=tuple(entry for entry in draft.to_compare if entry.path not in changed),
        delete=tuple(draft.extras),
        kept=draft.kept,
        skipped=draft.skipped,
    )


def _real_folder(target: Path) -> Path:
    """Return the folder that `target` names, whatever symlinks its user wrote; it need not be there yet."""
    real = Path(os.path.realpath(target))
    nearest = next(path for path in (real, *real.parents) if os.path.lexists(path))
    if not nearest.is_dir():
        raise RestoreRefused(
            f"{target if nearest == real else nearest} is not a folder",
            hint="name a folder after --to; it is made if it is not there",
        )
    return real


def _draft(snapshot: Snapshot, paths: Sequence[bytes], draft: Draft) -> Draft:
    """Return `draft` with every entry of `paths` decided on."""
    if snapshot.manifest_sha256 and sha256_of(snapshot.manifest) != snapshot.manifest_sha256:
        raise StoreError(
            f"the manifest of snapshot {snapshot.id} is not the one that was written with it",
            hint="restore from another snapshot, or copy from its tree by hand",
        )
    missing = set(paths)
    for entry, chosen in select(read_manifest(snapshot.manifest), paths):
        missing -= {path for path in missing if chosen and (entry.path == path or under(entry.path, path))}
        draft.add(entry, chosen=chosen)
    draft.finish()
    for path in sorted(missing - {b""}):
        raise unknown_path(path, read_manifest(snapshot.manifest))
    return draft


def _keep_out_of_the_store(target: Path, store: Path, paths: Iterable[bytes], gone: Iterable[bytes]) -> None:
    """Refuse to write into the store, and to take away a folder that has the store in it."""
    store = Path(os.path.realpath(store))
    if target.is_relative_to(store):
        raise RestoreRefused(f"{target} is in the store {store}", hint="restore into a folder outside of it")
    if not store.is_relative_to(target):
        return
    inside = os.fsencode(store.relative_to(target))
    if any(path == inside or under(path, inside) for path in paths) or not set(gone).isdisjoint(
        (inside, *ancestors(inside))
    ):
        raise RestoreRefused(f"this restore would change the store {store}", hint="restore into another folder")


def _check_tree(snapshot: Snapshot, entries: Iterable[Entry]) -> None:
    """Raise RestoreRefused unless the snapshot has all of `entries`, each as a folder or not, files in full size."""
    tree = os.fsencode(snapshot.tree)
    for entry in entries:
        try:
            found = os.lstat(tree + b"/" + entry.path)
        except OSError as error:
            raise _damaged(snapshot, entry, error.strerror or "unreadable") from error
        if stat.S_ISDIR(found.st_mode) != (entry.type == "dir"):
            raise _damaged(snapshot, entry, f"no longer a {entry.type}")
        if entry.type == "file" and found.st_size != entry.size:
            raise _damaged(snapshot, entry, f"{found.st_size} bytes long, not {entry.size}")


def _damaged(snapshot: Snapshot, entry: Entry, what: str) -> RestoreRefused:
    return RestoreRefused(
        f"snapshot {snapshot.id} is damaged: /{shown(entry.path)} is in its manifest, but in its tree it is: {what}",
        hint="nothing was written; restore from another snapshot, or name the paths that you need",
    )


def _changed(snapshot: Snapshot, marker: Marker, target: Path, entries: Iterable[Entry]) -> frozenset[bytes]:
    """Return the paths of `entries` where the target has something else, as rsync sees it: content is compared too."""
    paths = [entry.path for entry in entries]
    printed: list[bytes] = []
    if paths:
        # With -H every further name of a file that changed would count as changed, without a look at it.
        more = ["--no-hard-links", "--dry-run", "--checksum", "--out-format=%i %n"]
        copy(argv_of(snapshot, marker, target, more), paths, on_line=printed.append)
    return differing(printed)


def _names_aside(entries: Iterable[Entry], snapshot_id: str, draft: Draft) -> dict[bytes, bytes]:
    """Return a free name for what stands in the place of each entry, which the snapshot does not use either."""
    names: dict[bytes, bytes] = {}
    taken = set(draft.paths)
    for entry in entries:
        folder, _, name = entry.path.rpartition(b"/")
        beside = folder + b"/" if folder else b""

        def is_taken(candidate: bytes, beside: bytes = beside) -> bool:
            return beside + candidate in taken or draft.target.look(beside + candidate) is not None

        names[entry.path] = aside_name(name, snapshot_id, taken=is_taken)
        taken.add(beside + names[entry.path])
    return names


def argv_of(snapshot: Snapshot, marker: Marker, target: Path, more: Iterable[str]) -> tuple[str | bytes, ...]:
    """Return the argv of the restore's rsync for this user, with `more` options."""
    return copy_argv(snapshot.tree, target, marker=marker, more=more)
