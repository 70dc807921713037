"""The steps of a pull, and the lock around them.

`backupjump.tasks.pull` strings the steps together; the command line, inv and fab all run that one task.
"""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from backupjump.errors import BackupjumpError, Revoked, Stopped
from backupjump.escape import shown
from backupjump.operations.awake import kept_awake
from backupjump.operations.by_list.bring import doubtful, record_list
from backupjump.operations.by_list.look import told as listed
from backupjump.operations.compression import how_of as compressed
from backupjump.operations.due import another_due, check_due
from backupjump.operations.gate import ask_gate, tell_done
from backupjump.operations.judge import judge
from backupjump.operations.provenance import provenance
from backupjump.operations.remembered import remember
from backupjump.operations.seeding import retire_seeding
from backupjump.operations.space import check_begin
from backupjump.operations.under_way import Pull
from backupjump.operations.veto import check_veto
from backupjump.operations.wait import await_desktop, standing_way
from backupjump.operations.ways import round_seconds
from backupjump.run import Status, exit_code_of, rfc3339, utc_now
from backupjump.ssh.ciphers import note_desktop
from backupjump.ssh.route import prepare
from backupjump.store.first_backup import forget_first_backup
from backupjump.store.lock import locked as lock_of
from backupjump.store.publish import publish as publish_recorded
from backupjump.store.publish import record
from backupjump.store.repair import mend
from backupjump.store.store import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backupjump.rsync.pulled import Pulled
    from backupjump.ssh.control import Control
    from backupjump.store.publish import Recorded
    from backupjump.store.snapshots import Snapshot

log = logging.getLogger(__name__)

# A tunnel that is not open ends a run within this time, when nobody asked to wait for it.
REACH_SECONDS = 15.0


@contextmanager
def locked(pull: Pull) -> Iterator[None]:
    """Open the store and hold the job's lock; raise StoreError, JobLocked or, if asked, NotDue with nothing written."""
    settings = pull.site.server.store
    with open_store(settings.path, uuid=settings.uuid, kind=settings.kind) as store:
        _check_due(pull)
        check_begin(pull, store)
        with lock_of(pull.folder) as lock_fd:
            _check_due(pull)  # another run may have just ended
            pull.store, pull.lock_fd = store, lock_fd
            mend(pull.folder)
            yield


def _check_due(pull: Pull) -> None:
    if pull.asked.if_due:
        check_due(pull.site, pull.job, now=utc_now())


@contextmanager
def reach(pull: Pull) -> Iterator[Control]:
    """Log in to the Desktop for control by the first of its ways that works.

    As long as the caller asked to wait, try again while it is away.
    The first word there finds out whether a gate answers; if so, no other words than the gate's may follow.
    A revoked Desktop is not even asked: Revoked. Past its tunnel its owner's veto is the gate's to tell: Deferred.
    """
    if pull.desktop.revoked:
        hint = f"its snapshots stay: backupjump restore {pull.job.name}; another machine is enrolled by another name"
        raise Revoked(f"desktop {pull.desktop.name} is revoked: nothing is pulled from it any more", hint=hint)
    control = _log_in(pull, until=time.monotonic() + pull.asked.wait.total_seconds())
    with control, kept_awake():
        pull.control = control
        pull.went_by(control.route)
        by = f" by {control.route.name}" if len(pull.ways) > 1 else ""
        log.info("%s: reached %s%s", pull.job.name, pull.desktop.name, by)
        pull.gate = ask_gate(control, host=f"desktop {pull.desktop.name}")
        remember(pull.site.state, pull.desktop.name, pull.gate.tunnel if pull.gate is not None else None, now=utc_now())
        check_veto(control.route, pull.gate)
        _note_put_off(pull)
        if note_desktop(control.route.folder, pull.gate.aes if pull.gate is not None else None):
            prepare(control.route)  # the logins for data come after this one
        yield control


def _log_in(pull: Pull, *, until: float) -> Control:
    while True:
        left = until - time.monotonic()
        try:
            return pull.ways.log_in(round_seconds(REACH_SECONDS, len(pull.ways), left_seconds=left))
        except Stopped:
            raise
        except BackupjumpError as away:
            left = until - time.monotonic()
            if left <= 0 or not pull.ways.may_come:
                raise
            log.info("%s: %s; waiting for another %d s", pull.job.name, away, left)
            await_desktop(pull.route, standing_way(pull), until=until)


def _note_put_off(pull: Pull) -> None:
    tunnel = pull.gate.tunnel if pull.gate is not None else None
    if tunnel is not None and tunnel.deferred_at is not None:
        why = shown(tunnel.deferred_why, limit=100)
        pull.warn(f"its owner had put the backup off since {rfc3339(tunnel.deferred_at)}: {why}")


def publish(pull: Pull, pulled: Pulled) -> Snapshot:
    """Make what was pulled a snapshot, and the Run one that has published."""
    assert pull.store is not None
    assert pull.staging is not None
    assert pull.rsyncs is not None
    log.info("%s: listing what has arrived", pull.job.name)
    recorded, pulled = _record(pull, pulled)
    judged = judge(pull, recorded, pulled)
    pull.run = replace(pull.run, warnings=(*pull.run.warnings, *judged.warnings))
    # The Run names a snapshot, and says that it is suspect, only once there is one: what follows can fail.
    whole = replace(
        pull.run,
        status=judged.status,
        exit_code=exit_code_of(judged.status),
        error=judged.error,
        snapshot=pull.staging.id,
        ended_at=utc_now(),
    )
    how = {
        **provenance(tuple(pull.by), pull.rsyncs, pulled, pull.job, pull.gate),
        **compressed(pull),
        **listed(pull.looked, now=utc_now()),
    }
    published = publish_recorded(pull.store, recorded, run=whole, how=how)
    pull.run = replace(published.run, ended_at=utc_now())
    if published.snapshot.is_good and not judged.keeps_seeding:
        retire_seeding(pull)
    forget_first_backup(pull.folder)
    return published.snapshot


def _record(pull: Pull, pulled: Pulled) -> tuple[Recorded, Pulled]:
    assert pull.store is not None
    assert pull.staging is not None
    assert pull.looked is not None
    if pull.by_list is not None:
        return record_list(pull.store, pull.staging, pull.by_list, pulled, pull.refreshed)
    seen = pull.looked.seen if not pulled.remarks else None
    seen = replace(seen, doubtful=doubtful(pulled)) if seen is not None else None
    return record(pull.store, pull.staging, hashes=pulled.hashes, seen=seen), pulled


@contextmanager
def done(pull: Pull, desktop: Control) -> Iterator[None]:
    """Tell the Desktop's gate, when the block is over, how the run ended: its tunnel may close then.

    What goes wrong with that costs nothing: the run has ended as it has, and the Desktop has limits of its own.
    """
    status = Status.FAILED
    try:
        yield
        status = pull.run.status
    except BackupjumpError as error:
        status = pull.run.status if pull.run.snapshot is not None else Status(error.status)
        raise
    finally:
        if pull.gate is not None:
            _tell(pull, desktop, status)


def _tell(pull: Pull, desktop: Control, status: Status) -> None:
    assert pull.store is not None
    try:
        more = another_due(pull.site, pull.job, now=utc_now())
        tell_done(desktop, status, pull.run, more=more)
    except Stopped:
        raise
    except (BackupjumpError, OSError) as error:
        log.info("%s: the Desktop was not told that the run is over: %s", pull.job.name, error)
