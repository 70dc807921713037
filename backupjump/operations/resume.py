"""What follows on a link that was lost while data moved: wait for the Desktop, and go on in the same run."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from backupjump.config.times import write_duration
from backupjump.errors import BackupjumpError, Deferred, DesktopAway, LinkLost, Stopped
from backupjump.operations.gate import ask_gate
from backupjump.operations.veto import check_veto
from backupjump.operations.wait import await_desktop, standing_way
from backupjump.operations.ways import round_seconds

if TYPE_CHECKING:
    from backupjump.operations.under_way import Pull
    from backupjump.ssh.control import Control

log = logging.getLogger(__name__)

_RETRY_SECONDS = 5.0
_LOGIN_SECONDS = 15.0
# What a try costs that only finds again what is here: the sums of a half-written file, a few lists of folders.
_NEW_BYTES = 1 << 20


class Tries:
    """The tries of one run's transfer. All of them, and the waiting between them, must be over at `deadline`.

    That is a time of the monotonic clock, the job's time_limit from now.
    """

    def __init__(self, pull: Pull) -> None:
        self._pull = pull
        self._fruitless = 0
        self.deadline = time.monotonic() + pull.job.time_limit.total_seconds()

    def wait_after(self, error: BackupjumpError) -> None:
        """Return once the Desktop of a lost link has been logged in to anew; raise what ends the run instead.

        LinkLost when it stays away for the job's grace, when time is over, or after as many tries in a row as
        the job's attempts that brought nothing new; what is no lost link is raised as it is.
        """
        pull, lost = self._pull, _as_lost(self._pull, error)
        if lost is None:
            raise error
        self._fruitless = 0 if error.content_bytes >= _NEW_BYTES else self._fruitless + 1
        if pull.job.attempts == 1 or self._fruitless >= pull.job.attempts:
            raise lost from error
        log.info("%s: %s; waiting for the Desktop", pull.job.name, lost)
        began = time.monotonic()
        # One whose rsync dies each time is not asked again at once.
        time.sleep(max(0.0, min(_RETRY_SECONDS * self._fruitless, self.deadline - began)))
        _log_in_again(pull, lost, until=min(self.deadline, time.monotonic() + pull.job.grace.total_seconds()))
        log.info(
            "%s: reached %s again%s after %d s; try %d goes on with what has arrived",
            pull.job.name, pull.desktop.name, f" by {pull.route.name}" if len(pull.ways) > 1 else "",
            time.monotonic() - began, pull.run.attempts + 1,
        )  # fmt: skip


def _as_lost(pull: Pull, error: BackupjumpError) -> BackupjumpError | None:
    """Return the error as a lost link if it is one and data has moved in this run, else None."""
    if pull.run.bytes_received == 0:
        return None
    if isinstance(error, DesktopAway):
        # Away is for a Desktop that could not be reached; this one was lost on the way.
        return LinkLost(str(error), hint=error.hint)
    return error if isinstance(error, LinkLost) else None


def _log_in_again(pull: Pull, lost: BackupjumpError, *, until: float) -> None:
    """Log in to the Desktop for control, by any of its ways, until it is there; raise `lost` when it is not in time.

    An error that no waiting mends, such as another host key on its port, is raised once no way is left. One by which
    the Desktop is reached past its tunnel may be why that was closed: its owner's veto is asked for (Deferred).
    """
    assert pull.control is not None
    while True:
        left = until - time.monotonic()
        try:
            fresh = pull.ways.log_in(round_seconds(_LOGIN_SECONDS, len(pull.ways), left_seconds=left))
            return _go_on_with(pull, fresh)
        except Stopped:
            raise
        except BackupjumpError as away:
            if isinstance(away, Deferred) or not pull.ways.may_come:
                raise
            log.debug("%s: %s", pull.job.name, away)
            now = time.monotonic()
            if now >= until and pull.ways.refused:
                raise
        if now >= until:
            grace = write_duration(pull.job.grace)
            raise LinkLost(f"{lost}; the Desktop did not come back in time (grace: {grace})", hint=lost.hint)
        await_desktop(pull.route, standing_way(pull), until=until)


def _go_on_with(pull: Pull, fresh: Control) -> None:
    assert pull.control is not None
    pull.control.go_on_with(fresh)
    pull.went_by(pull.control.route)
    if pull.route.is_direct:
        check_veto(pull.route, ask_gate(pull.control, host=f"desktop {pull.desktop.name}"))
