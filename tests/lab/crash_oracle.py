"""What must hold of a store after a crash, whatever it was; what does not is a violation, in words."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from backupjump.store.layout import JobFolder
from backupjump.store.manifest import read_manifest, sha256_of
from backupjump.store.runs import read_runs
from backupjump.store.snapshots import list_snapshots
from backupjump.store.trash import empty_trash
from fingerprint import Print, fingerprint


@dataclass(frozen=True)
class Scene:
    """The store before the backup that is killed: its disk's image, the source, and every snapshot as it was."""

    kind: str
    template: Path
    place: Path
    source: Path
    before: dict[str, dict[str, Print]]

    @property
    def folder(self) -> JobFolder:
        """The job in the store, wherever a disk is mounted for a point."""
        return JobFolder(self.place / "store", "desktop", "nightly")


def prints(folder: JobFolder) -> dict[str, dict[str, Print]]:
    """Return the fingerprint of every published snapshot, by its id."""
    return {path.name: fingerprint(path) for path in folder.snapshots.iterdir()}


def violations_of(scene: Scene, told: list[str]) -> list[str]:
    """Return what does not hold after a backup that was killed, and had `told` what can be relied upon."""
    try:
        return [*_unlike_before(scene), *_not_whole(scene), *_not_kept(scene.folder, told)]
    except Exception as error:  # whatever can't even be read is a violation
        return [f"can't be read: {error!r}"]


def _unlike_before(scene: Scene) -> Iterator[str]:
    now = prints(scene.folder)
    may_go = min(scene.before)
    for id_, old in scene.before.items():
        if id_ not in now and id_ != may_go:
            yield f"{id_} is lost"
        elif id_ in now and now[id_] != old:
            yield f"{id_} has changed"


def _not_whole(scene: Scene) -> Iterator[str]:
    snapshots = list_snapshots(scene.folder)
    if {each.id for each in snapshots} != {path.name for path in scene.folder.snapshots.iterdir()}:
        yield "a folder is not a snapshot"
    for each in snapshots:
        if each.problem:
            yield f"{each.id}: {each.problem}"
            continue
        if sha256_of(each.manifest) != each.manifest_sha256:
            yield f"{each.id}: its manifest is not the one that was written"
        listed = {os.fsdecode(entry.path) for entry in read_manifest(each.manifest)}
        root = str(scene.source.relative_to("/"))
        if listed != {name for name in fingerprint(each.tree) if name == root or name.startswith(f"{root}/")}:
            yield f"{each.id}: its manifest lists another tree"
        if each.id not in scene.before and fingerprint(each.tree / root) != fingerprint(scene.source):
            yield f"{each.id} is not what the source has"
    good = {each.id for each in snapshots if each.is_good}
    if not (scene.folder.latest / "tree").is_dir() or scene.folder.latest.resolve().name not in good:
        yield "latest names no good snapshot"


def _not_kept(folder: JobFolder, told: list[str]) -> Iterator[str]:
    """Whatever was said to be done must be, whatever comes."""
    ids, runs = {path.name for path in folder.snapshots.iterdir()}, {run.run_id for run in read_runs(folder)}
    if not {f"day{number}" for number in range(4)} <= runs:
        yield "runs are lost"
    for word, _, what in (line.partition(" ") for line in told):
        if {"published": what not in ids, "noted": what not in runs, "pruned": what in ids}[word]:
            yield f"said and not done: {word} {what}"


def violations_of_next(scene: Scene, take_next: Callable[[], str | None]) -> Iterator[str]:
    """Let the next run go on by itself; yield where what it publishes is not what the source has."""
    folder, kept = scene.folder, prints(scene.folder)
    try:
        snapshot = take_next()
        empty_trash(folder, wait=True)
    except Exception as error:
        yield f"the next run failed: {error!r}"
        return
    assert snapshot is not None
    now = prints(folder)
    if {id_: now.get(id_) for id_ in kept} != kept:
        yield "the next run changed a snapshot"
    if fingerprint(folder.snapshots / snapshot / "tree" / scene.source.relative_to("/")) != fingerprint(scene.source):
        yield "the next run is not what the source has"
    if list(folder.work.iterdir()) or list(folder.trash.iterdir()):
        yield "the next run left something in work or trash"
    if str(folder.latest.readlink()) != f"snapshots/{snapshot}":
        yield "the next run did not move latest"
