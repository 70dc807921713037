"""Try a restore out: a few files and a small folder of a random snapshot, by the code that a person would use."""

from __future__ import annotations

import logging
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from backupjump.config.models import Ownership
from backupjump.errors import BackupjumpError, Stopped
from backupjump.escape import shown
from backupjump.operations.restore.decisions import Mode
from backupjump.operations.restore.job import restore
from backupjump.operations.restore.plan import plan_restore
from backupjump.operations.snapshot_paths import ancestors, parent, under
from backupjump.store.manifest import read_manifest
from backupjump.store.verify.content import can_check, found_at
from backupjump.store.verify.differences import Rules
from backupjump.store.verify.tree import examine

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from random import Random

    from backupjump.operations.verify.heal import Outcome
    from backupjump.store.manifest import Entry
    from backupjump.store.marker import Marker
    from backupjump.store.snapshots import Snapshot

log = logging.getLogger(__name__)

FILES = 20
# 20 files and the folder are at most about 100 MB.
MOST_BYTES = 5_000_000
_MOST_IN_FOLDER = 200


@dataclass(frozen=True, kw_only=True)
class Drill:
    """A restore that was tried out: how much of which snapshot, and what did not come back as it was."""

    snapshot: str
    files: int = 0
    size_bytes: int = 0
    failed: tuple[str, ...] = ()


def drill(
    snapshot: Snapshot, marker: Marker, *, store: Path, random: Random, passed_over: Collection[bytes] = ()
) -> Drill:
    """Restore a little of `snapshot` into a folder that goes again, and compare it with the manifest.

    Paths that are known to be damaged are to be `passed_over`: they are told of already.
    """
    paths = _chosen(snapshot, random, frozenset(passed_over))
    if not paths:
        return Drill(snapshot=snapshot.id)
    try:
        with tempfile.TemporaryDirectory(prefix="backupjump-drill-") as folder:
            plan = plan_restore(snapshot, marker, paths, store=store, target=Path(folder), mode=Mode.NEW_ONLY)
            restore(plan)
            failed = tuple(_wrong(Path(folder), plan.write, _rules(marker)))
            return Drill(snapshot=snapshot.id, files=plan.files, size_bytes=plan.size_bytes, failed=failed)
    except Stopped:
        raise
    except (BackupjumpError, OSError) as error:
        return Drill(snapshot=snapshot.id, failed=(shown(str(error)),))


def drill_one(
    sound: Sequence[Snapshot], marker: Marker, outcomes: Sequence[Outcome], *, store: Path, random: Random
) -> Drill | None:
    """Try a restore out from a random one of the `sound` snapshots, None when there is none; `outcomes` are known."""
    if not sound:
        return None
    hurt = {id_ for each in outcomes if not each.healed for id_ in each.damage.snapshots}
    # What is known to be damaged has been told of; it would fail here once more.
    unhurt = [each for each in sound if not each.damaged and each.id not in hurt] or sound
    damaged = [path for each in outcomes if not each.healed for path in (each.damage.path, *each.damage.also)]
    return drill(random.choice(unhurt), marker, store=store, random=random, passed_over=damaged)


def pick_files(entries: Iterable[Entry], *, count: int, random: Random) -> list[Entry]:
    """Return `count` of the files that are small and whose content is known, each as likely as any other."""
    picked: list[Entry] = []
    seen = 0
    for entry in entries:
        if entry.type != "file" or entry.size > MOST_BYTES or not can_check(entry.hash):
            continue
        seen += 1
        if len(picked) < count:
            picked.append(entry)
        elif (place := random.randrange(seen)) < count:
            picked[place] = entry
    return picked


def pick_folder(entries: Iterable[Entry], candidates: Collection[bytes]) -> bytes | None:
    """Return the first of the folders `candidates` that is small and of which every file can be checked."""
    in_folder = {folder: [0, 0] for folder in candidates}
    for entry in entries:
        for folder in candidates:
            if under(entry.path, folder):
                unknown = entry.type == "file" and not can_check(entry.hash)
                in_folder[folder][0] += _MOST_IN_FOLDER + 1 if unknown else 1
                in_folder[folder][1] += entry.size
    small = (folder for folder, (names, size) in in_folder.items() if names <= _MOST_IN_FOLDER and size <= MOST_BYTES)
    return next(small, None)


def _chosen(snapshot: Snapshot, random: Random, passed_over: frozenset[bytes]) -> list[bytes]:
    sound = (entry for entry in read_manifest(snapshot.manifest) if entry.path not in passed_over)
    files = pick_files(sound, count=FILES, random=random)
    sources = {os.fsencode(source.lstrip("/")) for source in snapshot.sources}
    # A folder above the sources stands in no manifest and would be all that is below it.
    above = dict.fromkeys(parent(each.path) for each in files if each.path not in sources)
    tainted = {folder for path in passed_over for folder in ancestors(path)}
    folder = pick_folder(read_manifest(snapshot.manifest), tuple(each for each in above if each not in tainted))
    return [each.path for each in files] + ([folder] if folder is not None else [])


def _rules(marker: Marker) -> Rules:
    """Return what a restored file has in common with the snapshot's: a plain user can't give files away."""
    root = os.geteuid() == 0
    owners = root and marker.ownership is not Ownership.PLAIN
    return Rules(fake_super=False, owners=owners, xattrs=False, nanoseconds=marker.nanoseconds, modes=root)


def _wrong(target: Path, entries: Iterable[Entry], rules: Rules) -> Iterable[str]:
    for entry in entries:
        with found_at(target, entry.path) as found:
            problems = examine(found, entry, rules) if found is not None else ()
            what = "was not restored" if found is None else ", ".join(problem.what for problem in problems)
        if what:
            yield f"/{shown(entry.path)}: {what}"
