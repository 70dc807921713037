"""What snapshots a job has, and which of them can be built on."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from backupjump.errors import StoreError
from backupjump.escape import shown
from backupjump.run import Status
from backupjump.store.layout import JobFolder, read_id
from backupjump.store.manifest import MANIFEST_NAME, sha256_of
from backupjump.store.marks import Marks, read_marks
from backupjump.store.meta import META_NAME, read_meta

TREE_NAME = "tree"

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A published snapshot. `taken_at` is the Server's time in its id, aware, in UTC.

    When its meta.json can't be read, `problem` says why (else it is empty), the status reads failed and
    the numbers are 0; the tree may be whole all the same. `sequence` counts the job's publications, so
    that a clock that was set back mixes nothing up. `acked`: someone has said that a suspect one is
    right, `wrong`: that it is not. `damaged` is how many of its paths the last verify found damaged,
    `given_up` how many of these nothing can heal. `is_seeding`: it is what had arrived of a first backup
    when a run broke off, and `status` is that run's. `names_total` counts all that the manifest lists.
    """

    id: str
    path: Path
    desktop: str
    job: str
    status: Status
    taken_at: datetime
    files_total: int = 0
    bytes_total: int = 0
    bytes_new: int = 0
    names_total: int = 0
    manifest_sha256: str = ""
    is_seeding: bool = False
    sequence: int = 0
    run_id: str = ""
    sources: tuple[str, ...] = ()
    acked: bool = False
    wrong: bool = False
    has_hard_links: bool = True
    damaged: int = 0
    given_up: int = 0
    problem: str = ""

    @property
    def tree(self) -> Path:
        """The folder below which each source lies at its own path."""
        return self.path / TREE_NAME

    @property
    def manifest(self) -> Path:
        """The file that lists the tree."""
        return self.path / MANIFEST_NAME

    @property
    def word(self) -> str:
        """What it is to people and in JSON: `seeding`, else the status of its run."""
        return "seeding" if self.is_seeding else self.status.value

    @property
    def is_good(self) -> bool:
        """Whether `latest` may name it and what comes is judged against it."""
        return self.is_whole and (self.status.good or (self.is_suspect and self.acked))

    @property
    def is_whole(self) -> bool:
        """Whether it was published whole, and its meta.json can be read: it may be suspect, but is not seeding."""
        return not self.problem and not self.is_seeding

    @property
    def awaits_heal(self) -> bool:
        """Whether damage was found in it that nobody has tried in vain to heal."""
        return self.damaged > self.given_up

    @property
    def is_suspect(self) -> bool:
        """Whether its run found it suspect; `acked` says whether someone has said since that it is right."""
        return self.status is Status.SUSPECT

    @property
    def awaits_ack(self) -> bool:
        """Whether it is suspect and nobody has said yet whether it is right: until then nothing is pruned."""
        return self.is_suspect and not self.acked and not self.wrong and not self.problem


def list_snapshots(folder: JobFolder) -> tuple[Snapshot, ...]:
    """Return all snapshots of a job, in the order of their publication; none when it never ran.

    What is no snapshot is passed over. Where marks.json can't be read, no suspect one counts as acked.
    """
    try:
        names = [entry.name for entry in folder.snapshots.iterdir()]
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise StoreError(f"{folder.snapshots} can't be read: {error.strerror}") from error
    by_age = sorted((when, name) for name in names if (when := read_id(name)) is not None)
    marks = _marks(folder) if by_age else Marks()
    by_id = [
        replace(
            each,
            acked=each.id in marks.acks,
            wrong=each.id in marks.wrong,
            damaged=marks.damage.get(each.id, 0),
            given_up=marks.given_up.get(each.id, 0),
        )
        for each in (read_snapshot(folder, name) for _when, name in by_age)
    ]
    # One whose meta.json is damaged stays where its id puts it. Those of before there was a sequence come first.
    in_sequence = iter(sorted((each for each in by_id if not each.problem), key=lambda each: each.sequence))
    return tuple(each if each.problem else next(in_sequence) for each in by_id)


def read_snapshot(folder: JobFolder, id_: str) -> Snapshot:
    """Return the published snapshot with an id; what is wrong with its meta.json stands in `problem`."""
    when = read_id(id_)
    assert when is not None
    path = folder.snapshots / id_
    bare = Snapshot(id=id_, path=path, desktop=folder.desktop, job=folder.job, status=Status.FAILED, taken_at=when[0])
    try:
        meta = read_meta(path)
        return replace(
            bare,
            status=Status(meta["run"]["status"]),
            files_total=int(meta["counts"]["files_total"]),
            bytes_total=int(meta["counts"]["bytes_total"]),
            bytes_new=int(meta["counts"]["bytes_new"]),
            names_total=int(meta["manifest"].get("entries", 0)),
            manifest_sha256=str(meta["manifest"]["sha256"]),
            is_seeding=meta.get("seeding") is True,
            sequence=int(meta.get("sequence", 0)),
            run_id=str(meta["run"]["run_id"]),
            has_hard_links=meta["counts"].get("hard_linked_names") != 0,
            sources=tuple(str(source) for source in meta["sources"]),
        )
    except ValueError as error:
        return replace(bare, problem=shown(str(error)))
    except (KeyError, TypeError) as error:
        return replace(bare, problem=shown(f"{META_NAME} lacks what it should say: {error}"))


def checked(snapshot: Snapshot) -> Snapshot:
    """Return `snapshot`, with a `problem` when its manifest is not the one that its meta.json vouches for.

    All of the manifest is read for that.
    """
    if snapshot.problem:
        return snapshot
    try:
        if sha256_of(snapshot.manifest) == snapshot.manifest_sha256:
            return snapshot
        problem = f"{MANIFEST_NAME} is damaged: it is not the one that {META_NAME} vouches for"
    except OSError as error:
        problem = f"{MANIFEST_NAME} is damaged: {error.strerror}"
    return replace(snapshot, problem=problem)


def _marks(folder: JobFolder) -> Marks:
    try:
        return read_marks(folder)
    except StoreError as error:
        log.warning("%s", error)
        return Marks()


def newest_good(snapshots: Sequence[Snapshot]) -> Snapshot | None:
    """Return the newest good one of `snapshots`, which are oldest first."""
    return next((snapshot for snapshot in reversed(snapshots) if snapshot.is_good), None)


def last_taken_at(snapshots: Sequence[Snapshot]) -> datetime | None:
    """Return when the newest whole one of `snapshots`, oldest first, was taken, a suspect one too; None without one."""
    return next((snapshot.taken_at for snapshot in reversed(snapshots) if snapshot.is_whole), None)


def newest_seeding(snapshots: Sequence[Snapshot]) -> Snapshot | None:
    """Return what has arrived of a first backup, the newest of it; None when it is not among `snapshots`."""
    return next((snapshot for snapshot in reversed(snapshots) if snapshot.is_seeding and not snapshot.problem), None)


def newest_usable(snapshots: Sequence[Snapshot]) -> Snapshot | None:
    """Return the newest of `snapshots`, oldest first, whose manifest and tree may be built on, a suspect one too."""
    for snapshot in (each for each in reversed(snapshots) if not each.is_seeding):
        found = checked(snapshot)
        if not found.problem:
            return found
        log.warning("%s is not built on: %s", snapshot.path, found.problem)
    return None
