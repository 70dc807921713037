"""Look out for Desktops whose jobs are due: a thread for each JumpNode, with one standing login there."""

from __future__ import annotations

import logging
import random
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from backupjump.errors import BackupjumpError, DesktopAway, HostKeyRefused, JumpNodeUnreachable, KeyRefused, LinkLost
from backupjump.operations.gate import ask_gate
from backupjump.operations.serve.patience import Patience
from backupjump.operations.veto import check_veto
from backupjump.ssh.control import open_control
from backupjump.ssh.route import data_host, prepare
from backupjump.ssh.standing import Standing
from backupjump.timing.backoff import pause_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from backupjump.ssh.route import Route

log = logging.getLogger(__name__)

_EVERY_SECONDS = 10.0
# Where each look is a login to the JumpNode, and not just a message.
_BY_LOGIN_SECONDS = 60.0
_ASK_SECONDS = 15.0
# A LAN answers at once, or not at all.
_DIRECT_SECONDS = 5.0
_PROBE = "bj1 probe"


class LookOut(threading.Thread):
    """Tells `reached` of each Desktop that is `wanted` and answers, and over which JumpNode, until it is stopped.

    So it does of one when the JumpNode refuses us, or we it: the run that follows is how a person hears of that.

    `jump` is the way to the JumpNode; None where its Desktops are reached without a standing login (routes local,
    nested and direct). A Desktop that answers in a wrong way counts as reached: the run that follows says why, and is
    recorded. On route direct only one that lets us in and would have a backup now does: by its tunnel it can come yet.
    """

    def __init__(
        self,
        name: str,
        jump: Route | None,
        routes: Sequence[Route],
        *,
        wanted: Callable[[], frozenset[str]],
        reached: Callable[[tuple[str, str | None]], None],
    ) -> None:
        super().__init__(name=f"look-out {name}", daemon=True)
        self._jump = jump
        self._routes = routes
        self._wanted = wanted
        self._reached = reached
        self._standing: Standing | None = None
        self._failures = 0
        self._ended = threading.Event()
        self._nudged = threading.Event()
        self._again_at = 0.0
        self._patience = Patience()

    def nudge(self) -> None:
        """Let it look at once: another Desktop is wanted."""
        self._nudged.set()

    def stop(self) -> None:
        """Let it end; it does so after the look under way."""
        self._ended.set()
        self._nudged.set()

    def run(self) -> None:
        """Look until stopped. What goes wrong is told, and tried again later."""
        every = _EVERY_SECONDS if self._jump is not None else _BY_LOGIN_SECONDS
        while not self._ended.is_set():
            began = time.monotonic()
            for route in self._routes:
                if self._ended.is_set():
                    break
                # Asked for each time: one that was found elsewhere meanwhile is not looked for any more.
                wanted = route.desktop in self._wanted()
                if wanted and not self._patience.is_over(data_host(route), now=time.monotonic()):
                    self._look_for(route)
            # Not all Servers at once, and not too near to the look before.
            pause = max(1.0, every * random.uniform(0.9, 1.1) - (time.monotonic() - began))  # noqa: S311
            self._nudged.wait(pause)
            # What came between the two has set what is wanted, or that it is over, before.
            self._nudged.clear()
        self._give_up()

    def _look_for(self, route: Route) -> None:
        began, desktop = time.monotonic(), data_host(route)
        try:
            if self._jump is None:
                self._log_in(route)
            elif time.monotonic() < self._again_at or not self._ask(self._jump, route):
                self._patience.answered(desktop)
                return
        except DesktopAway as away:
            log.debug("%s: %s", desktop, away)
            if not isinstance(away, JumpNodeUnreachable):
                self._patience.waited_in_vain(desktop, since=began, now=time.monotonic())
            return
        except LinkLost as lost:
            log.info("%s", lost)
            self._give_up()
            return
        except BackupjumpError as error:
            log.info("%s: %s", desktop, error)
            if route.is_direct:
                return
        except Exception:
            log.exception("looking for desktop %s failed", desktop)
            self._give_up()
            return
        self._patience.answered(desktop)
        self._reached((route.desktop, route.jump_node))

    def _ask(self, jump: Route, route: Route) -> bool:
        standing = self._stand(jump)
        return standing is not None and standing.ask(route, _PROBE, seconds=_ASK_SECONDS) is not None

    def _stand(self, jump: Route) -> Standing | None:
        """Return the standing login, made if need be; None if it can't be made now, which is told.

        Raises KeyRefused or HostKeyRefused, which no later try mends.
        """
        if self._standing is None:
            try:
                self._standing = Standing(jump, seconds=_ASK_SECONDS)
                self._failures = 0
            except BackupjumpError as error:
                self._failures += 1
                refused = isinstance(error, (KeyRefused, HostKeyRefused))
                pause = pause_seconds(self._failures, refused=refused, chance=random.random())  # noqa: S311
                self._again_at = time.monotonic() + pause
                log.warning("%s\ntrying again in %d s", error.with_hint, pause)
                if refused:
                    raise
        return self._standing

    def _log_in(self, route: Route) -> None:
        prepare(route)
        seconds = _DIRECT_SECONDS if route.is_direct else _ASK_SECONDS
        with open_control(route, deadline_seconds=seconds) as control:
            if route.is_direct:
                check_veto(route, ask_gate(control, host=f"desktop {route.desktop}"))
            else:
                control.run(_PROBE.split(), timeout=seconds)

    def _give_up(self) -> None:
        standing, self._standing = self._standing, None
        if standing is not None:
            with suppress(Exception):
                standing.close()
