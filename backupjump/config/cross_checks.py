"""What no single value can tell: that names fit together, that ports are free, that keys are in order.

All of it works on the values as the files have them, so that a mistake elsewhere hides nothing.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from backupjump.config.checks import read_key_path
from backupjump.config.key_file import key_file_problem
from backupjump.config.models import RouteKind, route_mistakes
from backupjump.config.problem import Problem, Where
from backupjump.config.yaml_file import Document


def server_problems(server: Document, *, check_keys: bool) -> Iterator[Problem]:
    """Yield what is wrong between the parts of a Server's file."""
    jump_nodes = mappings(server.value, "jump_nodes")
    desktops = mappings(server.value, "desktops")
    for name, desktop in desktops.items():
        yield from _route_problems(server, ("desktops", name), desktop)
        yield from _unknown(server, ("desktops", name, "jump_node"), desktop.get("jump_node"), jump_nodes)
    yield from _port_problems(server, jump_nodes, desktops)
    if check_keys:
        # On route nested the JumpNode has the Desktop's key.
        ours = {name: desktop for name, desktop in desktops.items() if desktop.get("route") != RouteKind.NESTED}
        yield from _key_problems(server, "jump_nodes", jump_nodes)
        yield from _key_problems(server, "desktops", ours)


def job_problems(server: Document, job: Document) -> Iterator[Problem]:
    """Yield what is wrong between a job and the Server's file."""
    yield from _unknown(job, ("desktop",), job.value.get("desktop"), mappings(server.value, "desktops"))


def mappings(value: Mapping[str, Any], key: str) -> dict[str, Mapping[str, Any]]:
    """Return the mappings below `key` by name, without what is not a mapping."""
    found = value.get(key)
    return {name: below for name, below in found.items() if isinstance(below, dict)} if isinstance(found, dict) else {}


def _route_problems(server: Document, where: Where, desktop: Mapping[str, Any]) -> Iterator[Problem]:
    for key, message in route_mistakes(desktop):
        if key in desktop:
            yield server.problem((*where, key), message)
        else:
            yield server.problem(where, f"the key {key!r} {message}", at_key=True)


def _unknown(document: Document, where: Where, name: object, known: Iterable[str]) -> Iterator[Problem]:
    """Yield a problem when `name` is text and none of the `known` names."""
    names = sorted(known)
    if not isinstance(name, str) or name in names or document.tells(where):
        return
    near = difflib.get_close_matches(name, names, n=1)
    guess = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names) or 'none'}"
    yield document.problem(where, f"there is no {where[-1]} {name!r}; {guess}")


def _port_problems(
    server: Document, jump_nodes: Mapping[str, Mapping[str, Any]], desktops: Mapping[str, Mapping[str, Any]]
) -> Iterator[Problem]:
    taken: dict[tuple[object, object], str] = {}
    for name, desktop in desktops.items():
        port, jump_node = desktop.get("port"), desktop.get("jump_node")
        if not isinstance(port, int):
            continue
        # Two names may stand for one machine.
        machine = jump_nodes.get(str(jump_node), {}).get("host", jump_node)
        if (other := taken.setdefault((str(machine).lower(), port), name)) != name:
            line = server.problem(("desktops", other, "port"), "").line
            at = "this Server" if jump_node is None else f"JumpNode {jump_node!r}"
            message = f"port {port} of {at} is the tunnel of desktop {other!r} already (line {line})"
            yield server.problem(("desktops", name, "port"), message)


def _key_problems(server: Document, kind: str, machines: Mapping[str, Mapping[str, Any]]) -> Iterator[Problem]:
    for name, machine in machines.items():
        where = (kind, name, "identity_file")
        try:
            path = read_key_path(machine.get("identity_file"))
        except ValueError:  # told by the model
            continue
        if not server.tells(where) and (mistake := key_file_problem(path)):
            yield server.problem(where, mistake)
