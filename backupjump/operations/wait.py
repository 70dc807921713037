"""Wait for a Desktop by one standing login to its JumpNode: each knock is a small message there, and no login."""

from __future__ import annotations

import logging
import random
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from backupjump.errors import BackupjumpError, DesktopAway, JumpNodeUnreachable, LinkLost, Stopped
from backupjump.timing.backoff import pause_seconds

if TYPE_CHECKING:
    from backupjump.operations.under_way import Pull
    from backupjump.ssh.route import Route

log = logging.getLogger(__name__)

# sshd's PerSourcePenalties add up when a client comes back too often (sshd_config(5)); 5 s is under their floor.
_KNOCK_SECONDS = 5.0
_ASK_SECONDS = 15.0


def standing_way(pull: Pull) -> Route | None:
    """Return the way to the JumpNode at which `pull` can wait for its Desktop; None where that may come another way."""
    return pull.site.jump_of(pull.route) if len(pull.ways) == 1 else None


def await_desktop(route: Route, jump: Route | None, *, until: float) -> None:
    """Return once the Desktop of `route` has answered a probe, at the latest at `until`, of the monotonic clock.

    `jump` is the way to its JumpNode; None where there is no standing login (routes local, nested and direct, or one of
    several): then this is a pause, after which the caller tries by himself. A wrong answer is one, too: whoever logs
    in next is told why.
    """
    # Not at the top: Python reads 0.3 s worth of modules for it.
    from backupjump.ssh.standing import Standing

    standing: Standing | None = None
    pause, failures = _KNOCK_SECONDS, 0
    with ExitStack() as login:
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(pause, left))
            if jump is None:
                return
            pause = _KNOCK_SECONDS
            try:
                if standing is None:
                    standing = login.enter_context(Standing(jump, seconds=_ASK_SECONDS))
                    failures = 0
                if standing.ask(route, "bj1 probe", seconds=_ASK_SECONDS) is not None:
                    return
            except (JumpNodeUnreachable, LinkLost) as lost:
                standing, failures = None, failures + 1
                login.close()
                pause = pause_seconds(failures, refused=False, chance=random.random(), harmless=True)  # noqa: S311
                log.info("%s; trying again in %d s", lost, pause)
            except DesktopAway as away:
                log.debug("%s: %s", route.desktop, away)
            except Stopped:
                raise
            except BackupjumpError as error:
                log.debug("%s: %s", route.desktop, error)
                return
