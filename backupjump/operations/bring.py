"""The step of a pull that brings the data: what a list says has changed, or everything; again where a link broke."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from backupjump.errors import BackupjumpError, ListUnusable, StoreFull
from backupjump.operations.by_list.bring import TooManyNames, prepare_list, take_in
from backupjump.operations.by_list.look import look
from backupjump.operations.compression import note_evidence, with_compression
from backupjump.operations.first_backup import note_first_backup
from backupjump.operations.plan import plan_attempt
from backupjump.operations.resume import Tries
from backupjump.operations.seeding import seed
from backupjump.operations.space import after_full, check_fits, floor_of
from backupjump.operations.under_way import Pull
from backupjump.rsync.compression import Evidence
from backupjump.rsync.head_start import HeadStart
from backupjump.rsync.transfer import transfer
from backupjump.store.graft import GraftFailed
from backupjump.store.settled import settle
from backupjump.store.stage import discard_if_empty, for_whole, stage, take_out

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backupjump.operations.probe import Rsyncs
    from backupjump.rsync.plan import Plan
    from backupjump.rsync.pulled import Pulled

log = logging.getLogger(__name__)

# What has come is on the disk soon, while more comes: else the sync at the end waits for all of it.
_SECONDS_BETWEEN_WRITING = 5.0


def rsync(pull: Pull, rsyncs: Rsyncs) -> Pulled:
    """Bring the sources into a fresh work folder; where the link breaks after data has moved, go on when it is back.

    Where a list tells what has changed, that alone is brought; where it does not fit what arrives, all is compared.
    A store that filled up is tried again once, where room could be made. Each try gets a work folder of its own
    and links to what the tries before it had got.
    """
    assert pull.store is not None
    pull.rsyncs, filled, tries, whole = rsyncs, False, Tries(pull), ""
    check_fits(pull)
    while True:
        pull.staging = stage(
            pull.store, pull.folder, sources=pull.job.sources, run_id=pull.run.run_id, may_list=not whole
        )
        try:
            pulled = _bring(pull, tries.deadline, whole)
        except (GraftFailed, ListUnusable) as misfit:
            whole = f"the Desktop's list does not fit: {misfit}"
            log.info("%s: %s", pull.job.name, whole)
            _leave(pull)
        except BackupjumpError as error:
            _account(pull, error.bytes_received)
            _leave(pull, error)
            note_first_backup(pull)
            try:
                if isinstance(error, StoreFull):
                    after_full(pull, error, again=not filled)
                    filled = True
                else:
                    tries.wait_after(error)
            except BackupjumpError as end:
                seed(pull, end)
                raise
        else:
            return pulled


def _bring(pull: Pull, deadline: float, whole: str) -> Pulled:
    """Bring what has changed, or all if `whole` says why, and see to it that the tree is as it is to be listed."""
    assert pull.store is not None
    assert pull.staging is not None
    with HeadStart() as ahead:
        pulled = _transfer(pull, _plan(pull, deadline, whole, ahead), deadline, ahead)
    _account(pull, pulled.bytes_received)
    pull.store.write_out()  # while it is listed: the sync at the end waits for all of it
    take_out(pull.staging, pulled.stale)
    if pull.by_list is not None:
        pulled, pull.refreshed = take_in(pull.staging, pull.by_list, pulled)
    return pulled


def _plan(pull: Pull, deadline: float, whole: str, ahead: HeadStart) -> Plan:
    """Return what rsync is to bring: what a list says has changed, or everything, if `whole` or the list says why.

    By a list rsync may have been started `ahead`.
    """

    def begin(plan: Plan) -> None:
        ahead.begin(with_compression(pull, plan), plan.transfers[0], pass_fds=(pull.lock_fd,))

    assert pull.staging is not None
    pull.by_list = None
    pull.looked = look(pull, deadline=deadline, why=whole)
    moved: Mapping[bytes, bytes] = {}
    if pull.looked.draft is not None:
        try:
            pull.by_list = prepare_list(pull.staging, pull.looked.draft, _plan_all(pull), begin=begin)
        except TooManyNames as many:
            pull.looked, moved = look(pull, deadline=deadline, why=str(many)), many.moved
    if pull.by_list is None:
        for_whole(pull.staging, moved)
        return with_compression(pull, _plan_all(pull))
    plan = pull.by_list.plan
    return with_compression(pull, plan) if plan.transfers else plan


def _plan_all(pull: Pull) -> Plan:
    assert pull.store is not None
    assert pull.staging is not None
    assert pull.rsyncs is not None
    return plan_attempt(pull.job, pull.route, pull.store.marker, pull.staging, pull.rsyncs)


def _leave(pull: Pull, error: BackupjumpError | None = None) -> None:
    """Leave what has arrived to the next try, if there is anything of use."""
    assert pull.store is not None
    assert pull.staging is not None
    discard_if_empty(pull.staging, because=error)
    settle(pull.store, pull.folder, pull.staging.path)


def _transfer(pull: Pull, plan: Plan, deadline: float, ahead: HeadStart) -> Pulled:
    assert pull.store is not None
    pull.run, pull.sources_begun = replace(pull.run, attempts=pull.run.attempts + 1), 0
    evidence, store, floor = Evidence(), pull.store, floor_of(pull)

    def guard() -> None:
        store.check_floor(floor)
        store.write_out(every_seconds=_SECONDS_BETWEEN_WRITING)

    try:
        return transfer(
            plan,
            pass_fds=(pull.lock_fd,),
            on_progress=pull.note_progress,
            on_milestone=pull.begin_source,
            on_checksums=pull.note_checksums,
            guard=guard,
            evidence=evidence,
            deadline=deadline,
            ahead=ahead,
        )
    finally:
        note_evidence(pull, evidence)


def _account(pull: Pull, received: int) -> None:
    pull.run = replace(pull.run, bytes_received=pull.run.bytes_received + received)
