"""Judge a tree that is listed and not published yet: ok, a warning, or suspect beside the last good snapshot."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from backupjump.errors import StoreError
from backupjump.operations.left_out import news
from backupjump.operations.plan import plan_attempt
from backupjump.operations.provenance import known_paths, selection_of
from backupjump.operations.remarks import about_copies, about_room
from backupjump.operations.seeding import about_seeding
from backupjump.rsync.selection import select_again
from backupjump.run import RunError, Status
from backupjump.store.compare import lost_since
from backupjump.store.manifest import MANIFEST_NAME
from backupjump.store.meta import read_meta
from backupjump.store.runs import read_runs
from backupjump.store.snapshots import list_snapshots
from backupjump.store.suspicion import Lost, Paths, suspicion

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from backupjump.operations.under_way import Pull
    from backupjump.rsync.pulled import Pulled
    from backupjump.store.publish import Recorded
    from backupjump.store.snapshots import Snapshot

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What a run comes to by what it brought. `error` says why it is suspect, `warnings` are lines for a person.

    `keeps_seeding`: what was published of a first backup on the way has much that is not in it.
    """

    status: Status
    error: RunError | None
    warnings: tuple[str, ...]
    keeps_seeding: bool = False


def judge(pull: Pull, recorded: Recorded, pulled: Pulled) -> Judged:
    """Judge what was recorded beside the last good snapshot of the job; nothing is written."""
    last_good = recorded.staging.last_good
    how = how_of(last_good)
    awaiting = [snapshot for snapshot in list_snapshots(pull.folder) if snapshot.awaits_ack]
    why = _suspicion(pull, recorded, how, awaiting)
    left_out = news(pulled, known=known_paths(how))
    copies = about_copies(recorded.listed.counts, why=recorded.listed.copied_why)
    room = _about_room(pull) if why or awaiting else ()
    seeding = about_seeding(pull.folder, recorded, pull.job)
    amiss = left_out.warning or pull.ways.refused or seeding
    status = Status.SUSPECT if why else Status.WARNING if amiss else Status.OK
    uncompared = _about_comparison(recorded)
    return Judged(
        status=status,
        error=_error(pull.job.name, why, awaiting) if why else None,
        warnings=(*room, *uncompared, *copies, *seeding, *left_out.lines),
        keeps_seeding=bool(seeding),
    )


def _suspicion(pull: Pull, recorded: Recorded, how: Mapping[str, Any], awaiting: Sequence[Snapshot]) -> str | None:
    last_good = recorded.staging.last_good
    if last_good is None:
        return f"no good snapshot is left to compare with, and {awaiting[-1].id} awaits its ack" if awaiting else None
    if recorded.listed.lost is None and awaiting:
        return (
            f"{last_good.id}, the last good snapshot, can't be compared with: its manifest is damaged, "
            f"and {awaiting[-1].id} awaits its ack"
        )
    # By their ids: one that was killed at its very end may stand there twice.
    good_runs = len({run.run_id for run in read_runs(pull.folder) if run.status.good})

    def of(lost: Lost) -> str | None:
        return suspicion(
            lost, pull.job.gates, good_runs=good_runs, files_before=last_good.files_total, since=last_good.id
        )

    lost = recorded.listed.lost or Lost(files_before=0, files_now=recorded.listed.counts.files_total)
    why = of(lost)
    if why is None or how.get("selection") == selection_of(pull.job):
        return why
    return of(_lost_by_other_rules(pull, recorded, last_good, lost, how))


def _lost_by_other_rules(
    pull: Pull, recorded: Recorded, last_good: Snapshot, lost: Lost, how: Mapping[str, Any]
) -> Lost:
    """Return `lost` without what is gone because the job's rules were edited since the last good snapshot."""
    assert pull.store is not None
    assert pull.rsyncs is not None
    if recorded.listed.lost is not None:
        log.info("%s: its rules were edited: asking rsync what of %s they still take", pull.job.name, last_good.id)
        plan = plan_attempt(pull.job, pull.route, pull.store.marker, recorded.staging, pull.rsyncs)
        taken = Paths()
        if select_again(plan, last_good.tree, on_path=taken.add):
            lost = lost_since(last_good, recorded.staging.path / MANIFEST_NAME, counts=taken.__contains__)
    before = how.get("selection")
    if isinstance(before, dict) and before.get("one_file_system") != pull.job.one_file_system:
        # What another file system held came or went with that line, and nothing tells which files these were.
        return replace(lost, deleted=0)
    return lost


def _error(job: str, why: str, awaiting: Sequence[Snapshot]) -> RunError:
    """Return why a run is suspect; the first one is an alarm, the next say that nobody has looked yet."""
    code, still = ("still-suspect", "still suspect; ") if awaiting else ("suspect", "")
    return RunError(
        code=code,
        message=f"{still}{why}",
        hint=f"see what changed, and say so if it is right: backupjump ack {job}",
    )


def how_of(last_good: Snapshot | None) -> Mapping[str, Any]:
    """Return how the last good snapshot was made, as its meta.json says; nothing where that can't be read."""
    try:
        how = read_meta(last_good.path).get("how") if last_good is not None else None
    except ValueError as error:
        log.warning("%s", error)
        return {}
    return how if isinstance(how, dict) else {}


def _about_comparison(recorded: Recorded) -> tuple[str, ...]:
    last_good = recorded.staging.last_good
    if last_good is None or recorded.listed.lost is not None:
        return ()
    return (f"not compared with {last_good.id}, the last good snapshot: its manifest is damaged",)


def _about_room(pull: Pull) -> tuple[str, ...]:
    assert pull.store is not None
    try:
        room = os.statvfs(pull.store.path)
    except OSError as error:
        raise StoreError(f"{pull.store.path} can't be asked for its room: {error.strerror}") from error
    return about_room(
        pull.job.name, free_bytes=room.f_bavail * room.f_frsize, total_bytes=room.f_blocks * room.f_frsize
    )
