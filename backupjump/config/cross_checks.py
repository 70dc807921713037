"""What no single value can tell: that names fit together, that ports are free, that keys are in order.

All of it works on the values as the files have them, so that a mistake elsewhere hides nothing.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence

from backupjump.config.checks import read_key_path
from backupjump.config.key_file import key_file_problem
from backupjump.config.machines import Machine, named_twice
from backupjump.config.problem import Problem, Where
from backupjump.config.routes import WAY_KEYS, RouteKind, route_mistakes
from backupjump.config.yaml_file import Document


def machine_problems(found: Sequence[Machine], *, check_keys: bool) -> Iterator[Problem]:
    """Yield what is wrong between the machines of a Server, whichever files they stand in."""
    jump_nodes = {machine.name: machine for machine in found if machine.kind == "jump_nodes"}
    desktops = [machine for machine in found if machine.kind == "desktops"]
    yield from named_twice(found)
    for desktop in desktops:
        if desktop.document.whole:
            yield from _route_problems(desktop)
            for where, way in _ways(desktop):
                yield from _unknown(desktop.document, (*desktop.base, *where, "jump_node"), way, jump_nodes)
    yield from _port_problems(jump_nodes, desktops)
    if check_keys:
        yield from _key_problems(machine for machine in found if _has_a_key_here(machine))


def job_problems(job: Document, desktops: Iterable[str]) -> Iterator[Problem]:
    """Yield what is wrong between a job and the names of the `desktops`."""
    yield from _unknown(job, ("desktop",), job.value, desktops)


def _has_a_key_here(machine: Machine) -> bool:
    """Whether a run needs its key: on route nested the JumpNode has it, save a relay's; a revoked one has no run."""
    elsewhere = all(
        way.get("route") == RouteKind.NESTED and way.get("relay") is not True for _at, way in _ways(machine)
    )
    return not elsewhere and machine.keys.get("revoked") is not True


def _ways(machine: Machine) -> list[tuple[Where, Mapping[str, object]]]:
    """Return the ways of a desktop as its file has them, each with its place; a JumpNode is its own."""
    several = machine.keys.get("routes")
    if not isinstance(several, list) or not several:
        return [((), machine.keys)]
    return [(("routes", number), way) for number, way in enumerate(several) if isinstance(way, dict)]


def _route_problems(desktop: Machine) -> Iterator[Problem]:
    for where, message in route_mistakes(desktop.keys):
        *above, key = where
        below = _at(desktop, tuple(above))
        if isinstance(key, int) or (isinstance(below, dict) and key in below):
            yield desktop.problem(where, message, at_key=key in WAY_KEYS and "routes" in desktop.keys and not above)
        else:
            yield desktop.problem(tuple(above), f"the key {key!r} {message}", at_key=True)


def _at(machine: Machine, where: Where) -> object:
    """Return what its file has at `where`, None if there is nothing."""
    value: object = machine.keys
    for part in where:
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and isinstance(part, int):
            value = value[part]
    return value


def _unknown(document: Document, where: Where, keys: Mapping[str, object], known: Iterable[str]) -> Iterator[Problem]:
    """Yield a problem when the last part of `where` is, among `keys`, text and none of the `known` names."""
    names, name = sorted(known), keys.get(str(where[-1]))
    if not isinstance(name, str) or name in names or document.tells(where):
        return
    near = difflib.get_close_matches(name, names, n=1)
    guess = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names) or 'none'}"
    yield document.problem(where, f"there is no {where[-1]} {name!r}; {guess}")


def _port_problems(jump_nodes: Mapping[str, Machine], desktops: Iterable[Machine]) -> Iterator[Problem]:
    taken: dict[tuple[object, object], tuple[Machine, Where]] = {}
    for desktop in desktops:
        for where, way in _ways(desktop):
            port, jump_node = way.get("port"), way.get("jump_node")
            if not isinstance(port, int) or way.get("route") == RouteKind.DIRECT:
                continue
            # Two names may stand for one machine.
            node = jump_nodes.get(str(jump_node))
            machine = jump_node if node is None else node.keys.get("host", jump_node)
            place = (*where, "port")
            other, there = taken.setdefault((str(machine).lower(), port), (desktop, place))
            if other is not desktop and other.name != desktop.name:
                at = "this Server" if jump_node is None else f"JumpNode {jump_node!r}"
                line = other.place(there, seen_from=desktop)
                message = f"port {port} of {at} is the tunnel of desktop {other.name!r} already ({line})"
                yield desktop.problem(place, message)


def _key_problems(found: Iterable[Machine]) -> Iterator[Problem]:
    for machine in found:
        several = [(*where, "identity_file") for where, way in _ways(machine) if where and way.get("relay") is True]
        for place in (("identity_file",), *several):
            try:
                path = read_key_path(_at(machine, place))
            except ValueError:  # told by the model
                continue
            if not machine.tells(place) and (mistake := key_file_problem(path)):
                yield machine.problem(place, mistake)
