"""Reach a Desktop by the first of its ways that works: tried in order, within one time for all of them."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from backupjump.errors import BackupjumpError, DesktopAway, OtherMachine, Stopped
from backupjump.ssh.control import open_control

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backupjump.ssh.control import Control
    from backupjump.ssh.route import Route

log = logging.getLogger(__name__)


def share_of(left_seconds: float, ways: int) -> float:
    """Return how much of the time that is left the next of so many `ways` may take: its fair share.

    One that is over sooner leaves the rest of it to those behind.
    """
    return max(0.0, left_seconds) / ways


def round_seconds(each_seconds: float, ways: int, *, left_seconds: float) -> float:
    """Return how long one round of so many `ways` may take: `each_seconds` for every one while there is time to wait.

    With none left it is `each_seconds` for all of them.
    """
    return max(each_seconds, min(each_seconds * ways, left_seconds))


class Ways:
    """The ways to one Desktop during one run.

    One that refuses us (another host key, a key that is not let in) is not tried again: no waiting mends that, and
    newer sshds penalise it.
    """

    def __init__(self, routes: Sequence[Route]) -> None:
        self._routes = tuple(routes)
        self._errors: dict[Route, BackupjumpError] = {}

    def __len__(self) -> int:
        return len(self._routes)

    @property
    def may_come(self) -> bool:
        """Whether a way is left that may work the next time."""
        return any(each not in self.refused for each in self._routes)

    @property
    def refused(self) -> dict[Route, BackupjumpError]:
        """The ways that need a person, and why."""
        return {route: error for route, error in self._errors.items() if not error.temporary}

    def remarks(self) -> tuple[str, ...]:
        """Return what a person should know of ways that failed in the last round, though another one worked."""
        told = {
            route: error for route, error in self._errors.items() if not error.temporary or type(error) is OtherMachine
        }
        return tuple(f"the way {route.name} does not work: {error}" for route, error in told.items())

    def log_in(self, seconds: float) -> Control:
        """Log in by the first way that works, all of them within `seconds`; raises as `none_works`."""
        deadline = time.monotonic() + seconds
        self._errors = self.refused
        left = [route for route in self._routes if route not in self._errors]
        for tried, route in enumerate(left):
            share = share_of(deadline - time.monotonic(), len(left) - tried)
            try:
                control = open_control(route, deadline_seconds=share)
            except Stopped:
                raise
            except BackupjumpError as error:
                self._errors[route] = error
                if len(self) > 1:
                    log.info("desktop %s by %s: %s", route.desktop, route.name, error)
            else:
                control.log_in_again = self.log_in
                return control
        raise none_works([(route, self._errors[route]) for route in self._routes])


def none_works(tried: Sequence[tuple[Route, BackupjumpError]]) -> BackupjumpError:
    """Return the one error for a Desktop none of whose ways worked, which are `tried` in their order. Pure.

    Of a single way it is that way's own. A refusal, which a person must mend, comes before what may pass. Where all
    are away it is DesktopAway, or what all ways by the tunnel have in common, such as TunnelNotOpen.
    """
    if len(tried) == 1:
        return tried[0][1]
    refusals = [(route, error) for route, error in tried if not error.temporary]
    if refusals:
        first, refusal = refusals[0]
        others = "; ".join(f"{route.name}: {_first_line(error)}" for route, error in tried if route is not first)
        return type(refusal)(f"{refusal}\n  and by its other ways: {others}", hint=refusal.hint)
    by_tunnel = [error for route, error in tried if not route.is_direct]
    kinds = {type(error) for error in by_tunnel}
    kind = kinds.pop() if len(kinds) == 1 else DesktopAway
    whys = "; ".join(_first_line(error) for _route, error in tried)
    return kind(
        f"none of the {len(tried)} ways to desktop {tried[0][0].desktop} leads there: {whys}", hint=by_tunnel[0].hint
    )


def _first_line(error: BackupjumpError) -> str:
    return str(error).partition("\n")[0]
