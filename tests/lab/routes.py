"""The lab's Desktop as routes, prepared as a run would."""

from __future__ import annotations

import shlex

import pytest

from backupjump.config.load import load_server
from backupjump.config.models import RouteKind
from backupjump.demo.lab import Lab
from backupjump.process import Completed, run
from backupjump.ssh.route import Route, data_host, prepare, remote_shell, route_to

EVERY = list(RouteKind)
BY_TUNNEL = [kind for kind in RouteKind if kind is not RouteKind.DIRECT]
BY_JUMP = [kind for kind in RouteKind if kind not in (RouteKind.LOCAL, RouteKind.DIRECT)]
WITHOUT_NESTED = [kind for kind in BY_TUNNEL if kind is not RouteKind.NESTED]
# A name each; in the short form two of them, which are least alike.
FIRST_TWO = [
    pytest.param(kind.value, marks=() if kind in (RouteKind.PROXYJUMP, RouteKind.NESTED) else pytest.mark.long)
    for kind in RouteKind
]


def route_in(lab: Lab, kind: RouteKind) -> Route:
    """Return the way to the lab's Desktop, its files written."""
    server = load_server(lab.server_config(kind.value))
    route = route_to(server.desktops["desktop"], server, folder=lab.state / "routes/desktop")
    prepare(route)
    return route


def by_ssh(route: Route, *words: str) -> Completed:
    """Run `words` on the Desktop with OpenSSH, as data travels; each arrives there as one word."""
    return run((*remote_shell(route), data_host(route), shlex.join(words)), timeout=30)
