"""`enroll revoke`, on the Server: a Desktop that is stolen or retired comes in no more; its snapshots stay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from backupjump.config.edit import set_values
from backupjump.config.load import desktop_named
from backupjump.errors import BackupjumpError
from backupjump.escape import shown
from backupjump.operations.enroll.apply import read_target
from backupjump.operations.enroll.consent import agreed
from backupjump.operations.enroll.jump_node import Accounts
from backupjump.operations.enroll.jump_node_ends import revoke_script
from backupjump.operations.enroll.machine_files import deletable, delete_keys, machine_in
from backupjump.operations.enroll.on_jump_node import accounts_of, run_or_print
from backupjump.operations.enroll.pending import all_pending, forget_pending
from backupjump.operations.site import open_site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from backupjump.config.machines import Machine
    from backupjump.config.models import Desktop, JumpNode
    from backupjump.operations.enroll.apply import Target
    from backupjump.operations.enroll.pending import Pending
    from backupjump.operations.site import Site


@dataclass(frozen=True, kw_only=True)
class Revocation:
    """What taking a Desktop's keys back comes to: a script for each JumpNode that its tunnels end on.

    `kept` is a private key that enrolment did not make.
    """

    desktop: Desktop
    on_jump_nodes: tuple[tuple[JumpNode, str], ...]
    place: Machine
    deletes: tuple[Path, ...]
    kept: tuple[Path, ...]
    pending: tuple[Pending, ...]


def revoke(config: Path | None, name: str, *, apply: str | None, yes: bool, say: Callable[..., None]) -> bool:
    """Take the keys of desktop `name` back; return whether nothing is left to be done on the JumpNode.

    What is here is done first, since nothing can come between. Repeated it does what is still to do.
    """
    target = read_target(apply) if apply else None
    site = open_site(config)
    plan = plan_revoke(site, name)
    say(*revocation_lines(plan))
    if not agreed(f"Shall desktop {name} be revoked?", yes=yes):
        raise BackupjumpError("nothing was changed")
    if not plan.desktop.revoked:
        set_values(plan.place.document.path, {(*plan.place.base, "revoked"): True})
    delete_keys(plan.deletes)
    say(f"Desktop {name} is revoked: no run any more; what is in the store stays, and can be restored.")
    for way in plan.desktop.tunnels_on(None):
        say(f"Its tunnel ended here: take the line of its key out of authorized_keys (port {way.end_port}).")
    told = [run_or_print(script, _login_for(node, target, plan), node, say=say) for node, script in plan.on_jump_nodes]
    done = bool(told) and all(told)
    for each in plan.pending:
        if done or each.is_open:  # a repetition needs to know which accounts the JumpNode has
            forget_pending(site.state, each)
    return done


def plan_revoke(site: Site, name: str) -> Revocation:
    """Return what revoking comes to; UsageError where there is no such desktop."""
    desktop = desktop_named(site.server, name)
    pending = tuple(each for each in all_pending(site.state) if each.invitation.desktop == name)
    of_relays = (way.identity_file for way in desktop.ways)
    keys = [
        path
        for path in (desktop.identity_file, *of_relays, *(each.identity_file for each in pending))
        if path is not None
    ]
    deletes = deletable(keys, site.config_file, site.server, besides=name)
    return Revocation(
        desktop=desktop,
        on_jump_nodes=tuple(_scripts(desktop, site, pending)),
        place=machine_in(site.config_file, "desktops", name),
        deletes=deletes,
        kept=tuple(path for path in dict.fromkeys(keys) if path not in deletes and path.exists()),
        pending=pending,
    )


def _scripts(desktop: Desktop, site: Site, pending: Sequence[Pending]) -> Iterator[tuple[JumpNode, str]]:
    for name, port in dict.fromkeys((way.jump_node, way.end_port) for way in desktop.ways):
        if name is not None:
            node = site.server.jump_nodes[name]
            there = [each for each in pending if each.jump_node == name] or pending
            yield node, revoke_script(remembered_accounts(there, node), desktop.name, port=port)


def _login_for(node: JumpNode, target: Target | None, plan: Revocation) -> Target | None:
    """Return the person's login on that JumpNode: where there are several, the one that it names."""
    is_only = len({each.name for each, _script in plan.on_jump_nodes}) == 1
    return target if target is not None and (is_only or target.host == node.host) else None


def remembered_accounts(pending: Sequence[Pending], node: JumpNode | None) -> Accounts:
    """Return the accounts on the JumpNode as earlier enrolments had them, else as they are by default."""
    known = next((accounts_of(each, node) for each in reversed(pending) if node is not None), None)
    return known or (Accounts(hop=node.user) if node is not None else Accounts())


def revocation_lines(plan: Revocation) -> list[str]:
    """Return what a person must see before saying yes."""
    jump = [
        f"  on JumpNode {node.name}: the line of its tunnel key goes, an open tunnel ends"
        for node, _script in plan.on_jump_nodes
    ]
    return [
        f"Desktop {plan.desktop.name} is to come in no more:",
        *jump,
        f"  {shown(str(plan.place.document.path))}: revoked: true" + (" (it says so)" if plan.desktop.revoked else ""),
        *(f"  {shown(str(path))}: deleted, with its public half" for path in plan.deletes),
        *(f"  {shown(str(path))}: not made by enrolment, or used elsewhere: it stays" for path in plan.kept),
        "Its snapshots stay.",
    ]
