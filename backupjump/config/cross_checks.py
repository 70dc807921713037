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
from backupjump.config.routes import RouteKind, route_mistakes
from backupjump.config.yaml_file import Document


def machine_problems(found: Sequence[Machine], *, check_keys: bool) -> Iterator[Problem]:
    """Yield what is wrong between the machines of a Server, whichever files they stand in."""
    jump_nodes = {machine.name: machine for machine in found if machine.kind == "jump_nodes"}
    desktops = [machine for machine in found if machine.kind == "desktops"]
    yield from named_twice(found)
    for desktop in desktops:
        if desktop.document.whole:
            yield from _route_problems(desktop)
            yield from _unknown(desktop.document, (*desktop.base, "jump_node"), desktop.keys, jump_nodes)
    yield from _port_problems(jump_nodes, desktops)
    if check_keys:
        yield from _key_problems(machine for machine in found if _has_a_key_here(machine))


def job_problems(job: Document, desktops: Iterable[str]) -> Iterator[Problem]:
    """Yield what is wrong between a job and the names of the `desktops`."""
    yield from _unknown(job, ("desktop",), job.value, desktops)


def _has_a_key_here(machine: Machine) -> bool:
    """Whether a run needs its key: on route nested the JumpNode has it, save a relay's; a revoked one has no run."""
    elsewhere = machine.keys.get("route") == RouteKind.NESTED and machine.keys.get("relay") is not True
    return not elsewhere and machine.keys.get("revoked") is not True


def _route_problems(desktop: Machine) -> Iterator[Problem]:
    for key, message in route_mistakes(desktop.keys):
        if key in desktop.keys:
            yield desktop.problem((key,), message)
        else:
            yield desktop.problem((), f"the key {key!r} {message}", at_key=True)


def _unknown(document: Document, where: Where, keys: Mapping[str, object], known: Iterable[str]) -> Iterator[Problem]:
    """Yield a problem when the last part of `where` is, among `keys`, text and none of the `known` names."""
    names, name = sorted(known), keys.get(str(where[-1]))
    if not isinstance(name, str) or name in names or document.tells(where):
        return
    near = difflib.get_close_matches(name, names, n=1)
    guess = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names) or 'none'}"
    yield document.problem(where, f"there is no {where[-1]} {name!r}; {guess}")


def _port_problems(jump_nodes: Mapping[str, Machine], desktops: Iterable[Machine]) -> Iterator[Problem]:
    taken: dict[tuple[object, object], Machine] = {}
    for desktop in desktops:
        port, jump_node = desktop.keys.get("port"), desktop.keys.get("jump_node")
        if not isinstance(port, int):
            continue
        # Two names may stand for one machine.
        node = jump_nodes.get(str(jump_node))
        machine = jump_node if node is None else node.keys.get("host", jump_node)
        other = taken.setdefault((str(machine).lower(), port), desktop)
        if other is not desktop and other.name != desktop.name:
            at = "this Server" if jump_node is None else f"JumpNode {jump_node!r}"
            line = other.place(("port",), seen_from=desktop)
            message = f"port {port} of {at} is the tunnel of desktop {other.name!r} already ({line})"
            yield desktop.problem(("port",), message)


def _key_problems(found: Iterable[Machine]) -> Iterator[Problem]:
    for machine in found:
        try:
            path = read_key_path(machine.keys.get("identity_file"))
        except ValueError:  # told by the model
            continue
        if not machine.tells(("identity_file",)) and (mistake := key_file_problem(path)):
            yield machine.problem(("identity_file",), mistake)
