"""`enroll rotate NAME`, on the Server: propose new keys to a Desktop that is enrolled. The old ones go on meanwhile."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from backupjump.config.load import desktop_named
from backupjump.config.models import RouteKind
from backupjump.errors import UsageError
from backupjump.operations.enroll.fresh_file import make_key
from backupjump.operations.enroll.invitation import ROTATE, Invitation, JumpAccount
from backupjump.operations.enroll.machine_files import KEYS, deletable, delete_keys
from backupjump.operations.enroll.pending import Pending, all_pending, forget_pending, write_pending
from backupjump.operations.enroll.revoke import remembered_accounts
from backupjump.operations.site import open_site

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date
    from pathlib import Path

    from backupjump.config.models import Desktop, JumpNode, Way
    from backupjump.operations.enroll.jump_node import Accounts
    from backupjump.operations.site import Site

# Keys that ended on a day, and for which nobody says another one, are renewed for so long.
_ANOTHER = timedelta(days=365)


@dataclass(frozen=True, kw_only=True)
class RotateWishes:
    """What was said on the command line of `enroll rotate NAME`; `today` is this Server's."""

    name: str
    today: date
    config: Path | None = None
    expires: date | None = None


def propose_rotation(wishes: RotateWishes, *, say: Callable[..., None]) -> Invitation:
    """Return the invitation to new keys; the same one again for the same wishes, until its reply has come back.

    A new data key is made here; nothing that is in use changes.
    """
    site = open_site(wishes.config)
    desktop = desktop_named(site.server, wishes.name)
    node, way = _end_of(desktop, site)
    pendings = [each for each in all_pending(site.state) if each.invitation.desktop == desktop.name]
    accounts = remembered_accounts(pendings, node)
    begun = [each for each in pendings if each.is_open and each.invitation.kind == ROTATE]
    expires = wishes.expires or _by_itself(desktop, begun, today=wishes.today)
    ids = [each.invitation.id for each in begun[:1]] or [secrets.token_hex(4)]
    invitation = _invitation(site, desktop, (node, way), accounts, enrolment=ids[0], expires=expires)
    if begun and begun[0].invitation != invitation:
        invitation = _invitation(site, desktop, (node, way), accounts, enrolment=secrets.token_hex(4), expires=expires)
    for each in begun:
        if each.invitation.id != invitation.id:
            forget_pending(site.state, each)
            unused = [each.identity_file] if each.identity_file != desktop.identity_file else []
            delete_keys(deletable(unused, site.config_file, site.server, besides=desktop.name))
            say("This takes the place of an earlier invitation, whose reply would now be refused.")
    pending = Pending(
        invitation=invitation,
        jump_node=node.name,
        identity_file=_key_of(site, desktop, invitation.id),
        keys_file=accounts.keys_file,
    )
    write_pending(site.state, pending)
    until = f", good until {expires}" if expires else ""
    say(f"New keys for desktop {desktop.name}{until}; its old ones go on until the new ones have been used.")
    return invitation


def _by_itself(desktop: Desktop, begun: Sequence[Pending], *, today: date) -> date | None:
    """Return the day on which new keys end for which nobody says one; one that is proposed already stays."""
    if desktop.expires is None:
        return None
    proposed = next((each.invitation.expires for each in begun[:1]), None)
    return proposed if proposed is not None and proposed > today else today + _ANOTHER


def _invitation(
    site: Site, desktop: Desktop, end: tuple[JumpNode, Way], accounts: Accounts, *, enrolment: str, expires: date | None
) -> Invitation:
    node, way = end
    key = _key_of(site, desktop, enrolment)
    return Invitation(
        kind=ROTATE,
        id=enrolment,
        desktop=desktop.name,
        route=way.route.value,
        jump=JumpAccount(node.host, node.port, accounts.tunnel, node.host_key),
        port=way.end_port,
        data_key=make_key(key, comment=f"backupjump:data:{desktop.name}:{enrolment}"),
        read=(),
        expires=expires,
    )


def _key_of(site: Site, desktop: Desktop, enrolment: str) -> Path:
    return site.config_file.absolute().parent / KEYS / f"desktop-{desktop.name}-{enrolment}"


def _end_of(desktop: Desktop, site: Site) -> tuple[JumpNode, Way]:
    """Return the one JumpNode that the Desktop's tunnel ends on, and the way over it."""
    if desktop.revoked:
        raise UsageError(f"desktop {desktop.name} is revoked: it has no keys that could be renewed")
    by_tunnel = [way for way in desktop.ways if way.by_tunnel]
    by_hand = next((way for way in by_tunnel if way.jump_node is None or way.route is RouteKind.NESTED), None)
    if by_hand is not None:
        raise UsageError(
            f"desktop {desktop.name} is reached by route {by_hand.route.value}, whose keys were made by hand",
            hint="make new ones as the README makes the first; take the old lines out once the new ones work",
        )
    ends = dict.fromkeys(way.place for way in by_tunnel)
    if len(ends) > 1:
        # The Desktop gives its old tunnel key up at the end, and the others would still ask for that one.
        raise UsageError(
            f"desktop {desktop.name} has tunnels to several machines, and enrolment renews one: {', '.join(ends)}",
            hint="renew its keys by hand, at each of them: docs/by-hand.md, A second JumpNode",
        )
    return site.server.jump_nodes[by_tunnel[0].jump_node or ""], by_tunnel[0]
