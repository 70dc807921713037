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
    DIRECT = "direct"


WAY_KEYS = ("route", "jump_node", "port", "jump_alias", "allow_plaintext_at_jump", "tunnel_ends_here", "relay")
"""What a desktop with one way says of it at its own top; with `routes:`, each of them says it."""

_JUMPLESS = (RouteKind.LOCAL, RouteKind.DIRECT)
_FIRST_TUNNEL_PORT = 1024

Place = tuple[str | int, ...]


def route_mistakes(desktop: Mapping[str, Any]) -> Iterator[tuple[Place, str]]:
    """Yield the place of a key of `desktop` and what is wrong there, for each that does not fit its way or ways.

    Takes the keys as a file has them too, so that this and a mistake in another key are told in one go.
    """
    ways = desktop.get("routes")
    if not isinstance(ways, list | tuple) or not ways:
        yield from (((key,), message) for key, message in _one_way_mistakes(desktop))
        return
    yield from (((key,), "belongs into each entry of `routes:`, not here") for key in WAY_KEYS if key in desktop)
    for number, way in enumerate(ways):
        if isinstance(way, Mapping):
            yield from ((("routes", number, key), message) for key, message in way_mistakes(way))
        if way in ways[:number]:
            yield ("routes", number), f"is the very way of routes[{ways.index(way)}]; keep one"
    kinds = {_kind(way) for way in ways if isinstance(way, Mapping)}
    if kinds == {RouteKind.DIRECT}:
        yield ("routes",), "needs a way by the Desktop's tunnel too: outside of the LAN it is reached by that alone"
    if kinds != {RouteKind.NESTED}:
        yield from (((key,), message) for key, message in _identity_mistakes(desktop))


def _one_way_mistakes(desktop: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if _kind(desktop) == RouteKind.DIRECT:
        yield "route", "direct goes past the Desktop's tunnel: it belongs into `routes:`, beside a way by the tunnel"
        return
    yield from way_mistakes({**desktop, "identity_file": None})
    if _kind(desktop) in tuple(RouteKind) and _kind(desktop) != RouteKind.NESTED:
        yield from _identity_mistakes(desktop)


def way_mistakes(way: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield a key of one way and what is wrong with it, as `route_mistakes` does."""
    route, port = _kind(way), way.get("port")
    if route != RouteKind.DIRECT and port is None and "port" not in way:
        yield "port", "is missing: the tunnel's port on the JumpNode"
    if route not in tuple(RouteKind):  # told by the model; which keys it needs is anybody's guess
        return
    if route == RouteKind.NESTED and way.get("allow_plaintext_at_jump") is not True:
        yield "route", "nested lets the JumpNode read everything: say allow_plaintext_at_jump: true"
    if route != RouteKind.NESTED and way.get("relay") is True:
        yield "relay", "is for route nested alone: on the others the JumpNode runs no command"
    if route == RouteKind.LOCAL and way.get("tunnel_ends_here") is not True:
        yield "route", "local gives the Desktop a key to this Server: say tunnel_ends_here: true"
    if route in _JUMPLESS and way.get("jump_node") is not None:
        yield "jump_node", f"must be left out: route {RouteKind(route).value} has no JumpNode"
    if route not in _JUMPLESS and way.get("jump_node") is None:
        yield "jump_node", "is missing (only route local goes without)"
    yield from _end_mistakes(way)


def _end_mistakes(way: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    is_direct, port = _kind(way) == RouteKind.DIRECT, way.get("port")
    if is_direct and way.get("host") is None:
        yield "host", "is missing: the Desktop's name or address in the LAN"
    if not is_direct and way.get("host") is not None:
        yield "host", "is for route direct alone: a tunnel ends on its JumpNode"
    if not is_direct and type(port) is int and 0 < port < _FIRST_TUNNEL_PORT:
        yield "port", "must be from 1024 to 65535: only root may listen below 1024 on the JumpNode"
    if way.get("identity_file") is not None and way.get("relay") is not True:
        yield "identity_file", "is the desktop's, above `routes:`; only relay: true has a key of its own"


def _identity_mistakes(desktop: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key in ("user", "identity_file", "host_key"):
        if desktop.get(key) is None:
            yield key, "is missing (only route nested goes without)"


def _kind(way: Mapping[str, Any]) -> Any:
    return way.get("route", RouteKind.PROXYJUMP)
