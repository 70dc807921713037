"""Tell of a run: its dead-man's switch, the numbers, and whoever wants to know. None of it fails or changes a run."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from backupjump.errors import Stopped
from backupjump.notify.in_time import InTime
from backupjump.operations.metrics import write_textfile
from backupjump.operations.report import full_report
from backupjump.operations.telling.look import look
from backupjump.run import Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from backupjump.config.telling import Ping
    from backupjump.operations.site import Site
    from backupjump.operations.under_way import Pull
    from backupjump.run import Run

log = logging.getLogger(__name__)


def began(pull: Pull) -> None:
    """Tell the job's dead-man's switch that the Desktop has been reached; nobody waits for that."""
    ping = _ping_of(pull)
    if ping is not None and ping.start:
        pull.pinging = _ping(ping, pull.run, "/start", "")


def told(pull: Pull, run: Run, *, broke: bool = False) -> Run:
    """Tell how `run` ended, and return it as it is; a signal changes the exit code alone.

    Each thing that can't be reached costs 10 to 15 seconds at the most, all of them together hardly more. A run that
    a signal has ended tells nobody: it is no failure, and somebody waits.
    """
    if run.exit_code > 128:
        return run
    try:
        pinging = _begin_ping(pull, run, broke=broke)
        tell_site(pull.site, tried=run.status not in (Status.NOT_DUE, Status.LOCKED))
        if pinging is not None and (why := pinging.why_not()):
            log.warning("%s: not pinged: %s", pull.job.name, why)
    except Stopped as stopped:
        return replace(run, exit_code=stopped.exit_code)
    return run


def tell_site(site: Site, *, tried: bool = False, hold: bool = True) -> None:
    """Write the numbers, and tell what is news; whatever goes wrong is logged. `tried` and `hold` as in `look`."""
    for what in (partial(write_textfile, site), partial(look, site, tried=tried, hold=hold)):
        _safely(what)


def _safely(what: Callable[[], None]) -> None:
    try:
        what()
    except Stopped:
        raise
    except Exception:
        log.exception("telling how the jobs stand failed; this is a bug, and the lines above say where")


def _begin_ping(pull: Pull, run: Run, *, broke: bool) -> InTime | None:
    ping = _ping_of(pull)
    if ping is None:
        return None
    from backupjump.notify.ping import ending_of

    ending = ending_of(run, broke=broke)
    return _ping(ping, run, ending, full_report(run), after=pull.pinging) if ending is not None else None


def _ping(ping: Ping, run: Run, ending: str, text: str, *, after: InTime | None = None) -> InTime:
    from backupjump.notify.ping import SECONDS, address_of, send

    def work() -> None:
        if after is not None:
            after.why_not()  # else the end could come in before the beginning
        send(address_of(ping, run, ending), text)

    return InTime(work, name=f"ping {run.job}", seconds=SECONDS)


def _ping_of(pull: Pull) -> Ping | None:
    return pull.job.ping or pull.site.server.ping
