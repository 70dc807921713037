"""The ways from the Server to a Desktop, and which of a desktop's keys fit which."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any


class RouteKind(StrEnum):
    """A way from the Server to the Desktop."""

    PROXYJUMP = "proxyjump"
    PROXYCOMMAND = "proxycommand"
    NESTED = "nested"
    LOCAL = "local"


def route_mistakes(desktop: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield a key of `desktop` and what is wrong with it, for each that does not fit the desktop's route.

    Takes the keys as a file has them too, so that this and a mistake in another key are told in one go.
    """
    route = desktop.get("route", RouteKind.PROXYJUMP)
    if route not in tuple(RouteKind):  # told by the model; which keys it needs is anybody's guess
        return
    if route == RouteKind.NESTED and desktop.get("allow_plaintext_at_jump") is not True:
        yield "route", "nested lets the JumpNode read everything: say allow_plaintext_at_jump: true"
    if route != RouteKind.NESTED and desktop.get("relay") is True:
        yield "relay", "is for route nested alone: on the others the JumpNode runs no command"
    if route == RouteKind.LOCAL and desktop.get("tunnel_ends_here") is not True:
        yield "route", "local gives the Desktop a key to this Server: say tunnel_ends_here: true"
    if route == RouteKind.LOCAL and desktop.get("jump_node") is not None:
        yield "jump_node", "must be left out: route local has no JumpNode"
    if route != RouteKind.LOCAL and desktop.get("jump_node") is None:
        yield "jump_node", "is missing (only route local goes without)"
    for key in ("user", "identity_file", "host_key"):
        if route != RouteKind.NESTED and desktop.get(key) is None:
            yield key, "is missing (only route nested goes without)"
