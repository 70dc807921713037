"""What snapshots a job has, and which one a person means."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from difflib import get_close_matches
from pathlib import Path

from backupjump.config.times import read_duration
from backupjump.errors import StoreError, UsageError
from backupjump.escape import shown
from backupjump.run import Status
from backupjump.store.layout import JobFolder, read_id
from backupjump.store.manifest import MANIFEST_NAME, sha256_of
from backupjump.store.marks import Marks, read_marks
from backupjump.store.meta import META_NAME, read_meta

TREE_NAME = "tree"

log = logging.getLogger(__name__)

_LATEST = re.compile(r"latest(?:~(\d{1,4}))?", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A published snapshot. `taken_at` is the Server's time in its id, aware, in UTC.

    When its meta.json can't be read, `problem` says why (else it is empty), the status reads failed and
    the numbers are 0; the tree may be whole all the same. `sequence` counts the job's publications, so
    that a clock that was set back mixes nothing up. `acked`: someone has looked at a suspect one. `damaged`
    is how many of its paths the last verify found damaged.
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
    manifest_sha256: str = ""
    sequence: int = 0
    run_id: str = ""
    sources: tuple[str, ...] = ()
    acked: bool = False
    has_hard_links: bool = True
    damaged: int = 0
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
    def is_good(self) -> bool:
        """Whether `latest` may name it and what comes is judged against it."""
        return not self.problem and (self.status.good or (self.is_suspect and self.acked))

    @property
    def is_suspect(self) -> bool:
        """Whether its run found it suspect; `acked` says whether someone has said since that it is right."""
        return self.status is Status.SUSPECT

    @property
    def awaits_ack(self) -> bool:
        """Whether it is suspect and nobody has looked at it yet: until then nothing is pruned."""
        return self.is_suspect and not self.acked and not self.problem


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
        replace(each, acked=each.id in marks.acks, damaged=marks.damage.get(each.id, 0))
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
            manifest_sha256=str(meta["manifest"]["sha256"]),
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


def newest_usable(snapshots: Sequence[Snapshot]) -> Snapshot | None:
    """Return the newest of `snapshots`, oldest first, whose manifest and tree may be built on, a suspect one too."""
    for snapshot in reversed(snapshots):
        found = checked(snapshot)
        if not found.problem:
            return found
        log.warning("%s is not built on: %s", snapshot.path, found.problem)
    return None


def find_snapshot(
    snapshots: Sequence[Snapshot], wanted: str | None, *, at: str | None = None, now: datetime, zone: tzinfo = UTC
) -> Snapshot:
    """Return the snapshot that a person names; `snapshots` are oldest first.

    `wanted` is an id, a unique beginning of one, `latest` (the newest good one, as with neither) or
    `latest~1`. `at` asks for the state at a time: `2d` ago, or at the end of a day of `zone`, and gives
    the newest good one that is not younger. Raises `UsageError`, with a guess where there is one.
    """
    if wanted is not None and at is not None:
        raise UsageError("name a snapshot or a time, not both")
    if at is not None:
        return _find_at(snapshots, at, now=now, zone=zone)
    match = _LATEST.fullmatch("latest" if wanted is None else wanted)
    if match is not None:
        return _find_latest(snapshots, int(match[1] or 0))
    return _find_by_id(snapshots, wanted or "")


def _find_latest(snapshots: Sequence[Snapshot], back: int) -> Snapshot:
    good = [snapshot for snapshot in snapshots if snapshot.is_good]
    if back < len(good):
        return good[-1 - back]
    if not good:
        raise UsageError("there is no good snapshot yet", hint="backupjump snapshots JOB lists what there is")
    raise UsageError(f"there is no latest~{back}: good snapshots: {len(good)}", hint=f"try latest~{len(good) - 1}")


def _find_by_id(snapshots: Sequence[Snapshot], wanted: str) -> Snapshot:
    ids = [snapshot.id for snapshot in snapshots]
    if wanted in ids:
        return snapshots[ids.index(wanted)]
    found = [snapshot for snapshot in snapshots if wanted and snapshot.id.startswith(wanted)]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(
            f"{shown(wanted)} is the beginning of {len(found)} snapshots",
            hint="write more of it: " + ", ".join(snapshot.id for snapshot in found[-5:]),
        )
    near = get_close_matches(wanted, ids, n=1)
    guess = f"did you mean {near[0]}?" if near else "backupjump snapshots JOB lists them"
    raise UsageError(f"there is no snapshot {shown(wanted)}", hint=guess)


def _find_at(snapshots: Sequence[Snapshot], at: str, *, now: datetime, zone: tzinfo) -> Snapshot:
    moment = read_moment(at, now=now, zone=zone)
    good = [snapshot for snapshot in snapshots if snapshot.is_good]
    not_younger = [snapshot for snapshot in good if snapshot.taken_at <= moment]
    if not_younger:
        return max(not_younger, key=lambda snapshot: snapshot.taken_at)
    hint = f"the oldest one is {good[0].id}" if good else "there is no good snapshot yet"
    raise UsageError(f"there is no good snapshot as old as {shown(at)}", hint=hint)


def read_moment(at: str, *, now: datetime, zone: tzinfo) -> datetime:
    """Return the time that `at` means: a duration before `now`, the end of a day of `zone`, or a time in full."""
    try:
        return now - read_duration(at)
    except (ValueError, OverflowError):
        pass
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", at, re.ASCII):
            return datetime.combine(date.fromisoformat(at) + timedelta(days=1), time(), zone) - timedelta(seconds=1)
        moment = datetime.fromisoformat(at)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"{shown(at)} is not a time", hint="write 2d, 2026-11-20 or 2026-11-20T14:00:00+01:00"
        ) from error
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)
