"""A JumpNode that was installed anew: all that enrolments had put there, as one script, from the Server's config."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from backupjump.config.models import RouteKind
from backupjump.operations.enroll.authorized_keys import RESERVED_PORTS, TUNNEL, Mark, hop_line, hop_mark, tunnel_line
from backupjump.operations.enroll.fresh_file import public_half
from backupjump.operations.enroll.jump_node import KeyChange, keys_script, set_up_script
from backupjump.operations.enroll.pending import all_pending
from backupjump.operations.enroll.ports import ports_of
from backupjump.operations.enroll.revoke import remembered_accounts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from backupjump.config.models import Desktop, JumpNode, Server, Way
    from backupjump.operations.enroll.pending import Pending


def rebuild_script(server: Server, node: JumpNode, *, state: Path) -> str | None:
    """Return the script that sets `node` up as it was for all enrolled desktops; None where there is none of them.

    Keys that were put there by hand, such as those of route nested, are not in it. ConfigError where our own key for
    the JumpNode can't be read.
    """
    pendings = [each for each in all_pending(state) if each.jump_node == node.name]
    desktops = [each for each in server.desktops.values() if each.tunnels_on(node.name) and not each.revoked]
    lines = tuple(
        _line(each, way, pendings)
        for each in desktops
        for way in each.tunnels_on(node.name)
        if each.tunnel_key and way.route is not RouteKind.NESTED
    )
    if not lines:
        return None
    accounts, key = remembered_accounts(pendings, node), public_half(node.identity_file)
    ports = {*RESERVED_PORTS, *ports_of(desktops, node.name)}
    hop = hop_line(hop_mark(node.name, key), key, ports=ports)
    changes = [
        KeyChange(account=accounts.tunnel, lines=lines),
        KeyChange(account=node.user, lines=(hop,)),
    ]
    try:
        return set_up_script(accounts, changes)
    except ValueError:  # accounts of the person's own, which are no enrolment's to make
        return keys_script(accounts, changes)


def _line(desktop: Desktop, way: Way, pendings: Sequence[Pending]) -> str:
    """Return the line of a desktop's tunnel key, with the mark of the enrolment that it came with, if that is known."""
    assert desktop.tunnel_key is not None
    came_with = (each.invitation for each in pendings if each.identity_file == desktop.identity_file)
    known = next((each.id for each in came_with if each.desktop == desktop.name), None)
    enrolment = known or hashlib.sha256(desktop.tunnel_key.encode("ascii")).hexdigest()[:8]
    mark = Mark(TUNNEL, desktop.name, enrolment)
    return tunnel_line(mark, desktop.tunnel_key, port=way.end_port, expires=desktop.expires)
