"""What follows a run that has published: prune under its lock; then, with the lock let go, delete and verify.

None of it changes what the run came to, and the next run waits for none of what follows the lock.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from backupjump.errors import BackupjumpError, Stopped
from backupjump.operations.prune import carry_out, plan_prune
from backupjump.operations.verify.part import verify_part
from backupjump.operations.verify.wish import EXIT_DAMAGE
from backupjump.run import worst_exit_code
from backupjump.store.idle import idly
from backupjump.store.marks import read_marks
from backupjump.store.reaper import reap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backupjump.operations.under_way import Pull
    from backupjump.run import Run

log = logging.getLogger(__name__)


def keep_house(pull: Pull) -> None:
    """Do what a good run is followed by, under its lock; what goes wrong is a warning of the run."""
    if not pull.run.status.good:
        return
    with _as_warning(pull, "nothing was pruned"):
        prune_now(pull)


def prune_now(pull: Pull) -> bool:
    """Prune by the job's `keep`, and say whether anything went; where a brake is on, the run warns instead."""
    if pull.job.keep is None:
        return False
    plan = plan_prune(pull.site, pull.job.name)
    if plan.brake is not None:
        pull.warn(f"nothing was pruned: {plan.brake}; see: backupjump prune {pull.job.name} --dry-run")
        return False
    return bool(carry_out(pull.folder, plan).going)


def after(pull: Pull) -> Run:
    """Empty the trash, read a part of the store again, and return the Run as a command ends with it.

    A signal that comes once the Run has published changes nothing in it but the exit code of the command,
    and so does damage that is found now: 4.
    """
    damaged = False
    if pull.stopped is None and pull.lock_fd >= 0 and pull.run.exit_code <= 128:
        try:
            reap(pull.folder, on_slow=lambda left: log.info("%s: emptying the trash, %d left", pull.job.name, left))
            if pull.run.status.good:
                damaged = read_again(pull)
        except Stopped as stopped:
            pull.stopped = stopped
        except (BackupjumpError, OSError) as error:
            log.warning("%s: %s", pull.job.name, error)
    if pull.stopped is not None:
        return replace(pull.run, exit_code=pull.stopped.exit_code)
    return replace(pull.run, exit_code=worst_exit_code([pull.run.exit_code, EXIT_DAMAGE])) if damaged else pull.run


def read_again(pull: Pull) -> bool:
    """Verify a part of what the job holds, at idle priority; tell of damage that is news, and say whether it is."""
    assert pull.store is not None
    name, marker = pull.job.name, pull.store.marker
    known = read_marks(pull.folder).damage.keys()
    verified = idly(
        lambda stopping: verify_part(pull.folder, marker, stopping=stopping),
        name="verify",
        on_slow=lambda: log.info("%s: reading a part of the store again", name),
    )
    for warning in verified.warnings:
        log.warning("%s: %s", name, warning)
    if not verified.is_news(known):
        return False
    log.error(
        "%s: verify: %s\nhint: see all, and put it right: backupjump verify %s --all --heal",
        name, verified.headline, name,
    )  # fmt: skip
    return True


@contextmanager
def _as_warning(pull: Pull, what: str) -> Iterator[None]:
    try:
        yield
    except Stopped:
        raise
    except (BackupjumpError, OSError) as error:
        pull.warn(f"{what}: {error}")
