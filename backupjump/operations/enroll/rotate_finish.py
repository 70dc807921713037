"""`enroll finish` of new keys, on the Server: each is used for real before the one before it goes.

The order is what makes it safe to be broken off anywhere. A Desktop lets the new data key in only when it has opened
its tunnel with its new tunnel key, and its config names that one: so a login with the new data key proves both.
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from backupjump.config.edit import set_values
from backupjump.config.load import desktop_named
from backupjump.errors import BackupjumpError, ForwardRefused, KeyRefused, Stopped, TunnelNotOpen, UsageError
from backupjump.escape import shown
from backupjump.operations.enroll.authorized_keys import TUNNEL, Mark, tunnel_line
from backupjump.operations.enroll.consent import agreed
from backupjump.operations.enroll.jump_node import KeyChange, keys_script
from backupjump.operations.enroll.jump_node_ends import drop_tunnels_script
from backupjump.operations.enroll.machine_files import KEYS, deletable, delete_keys, machine_in
from backupjump.operations.enroll.on_jump_node import accounts_of, run_or_print
from backupjump.operations.enroll.pending import all_pending, ended_with, write_pending
from backupjump.operations.enroll.proof import WAITS_SECONDS, prove_way
from backupjump.ssh.control import open_control
from backupjump.ssh.route import routes_to

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from backupjump.config.edit import Value
    from backupjump.config.models import Desktop
    from backupjump.config.problem import Where
    from backupjump.operations.enroll.apply import Target
    from backupjump.operations.enroll.pending import Pending
    from backupjump.operations.enroll.reply import Reply
    from backupjump.operations.site import Site
    from backupjump.ssh.route import Route

    Say = Callable[..., None]

_DONE_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class Renewal:
    """One renewal of keys on its way. `target` is a login on the JumpNode; `wait`: whether to wait for the Desktop."""

    site: Site
    pending: Pending
    reply: Reply
    target: Target | None = None
    wait: bool = True
    yes: bool = False
    seconds: float = WAITS_SECONDS

    @property
    def mark(self) -> Mark:
        """The mark of its line on the JumpNode."""
        return Mark(TUNNEL, self.pending.invitation.desktop, self.pending.invitation.id)


def renewal_steps(renewal: Renewal, *, say: Say) -> Iterator[str]:
    """Do the renewal step by step, yielding the name of each that is done; it may be broken off after any of them."""
    desktop = _desktop_of(renewal)
    if not agreed(f"Does the Desktop show that code, and shall {desktop.name} have these keys?", yes=renewal.yes):
        raise BackupjumpError("nothing was changed")
    _let_tunnel_in(renewal, say)
    yield "tunnel key let in"
    if not renewal.wait:
        say("The same again, without --no-wait, once the Desktop has opened its tunnel with the new key.")
        return
    with tempfile.TemporaryDirectory(prefix="rotate-", dir=renewal.site.state) as folder:
        route = _new_way(renewal, desktop, Path(folder) / "route")
        _prove(route, renewal, say)
        yield "proven"
        _switch(renewal)
        say(f"Proven: desktop {desktop.name} let us in with the new key, by its new tunnel. The config names it now.")
        yield "switched"
        _tell_desktop(renewal, route, say)
        yield "told"
    _drop_old_line(renewal, say)
    yield "old tunnel key out"
    _delete_old_keys(renewal, say)
    yield "done"


def _desktop_of(renewal: Renewal) -> Desktop:
    desktop = desktop_named(renewal.site.server, renewal.reply.desktop)
    if desktop.revoked:
        raise UsageError(f"desktop {desktop.name} is revoked; nothing was changed")
    if renewal.pending.reply not in (None, renewal.reply.digest):
        raise UsageError(
            f"this renewal of {desktop.name} ended with another reply than this one; nothing was changed",
            hint=f"begin anew: backupjump enroll rotate {desktop.name}",
        )
    return desktop


def _let_tunnel_in(renewal: Renewal, say: Say) -> None:
    invitation = renewal.pending.invitation
    line = tunnel_line(renewal.mark, renewal.reply.tunnel_key, port=invitation.port, expires=invitation.expires)
    node = renewal.site.server.jump_nodes[renewal.pending.jump_node or ""]
    accounts = accounts_of(renewal.pending, node)
    script = keys_script(accounts, [KeyChange(account=accounts.tunnel, lines=(line,))])
    run_or_print(script, renewal.target, node, say=say)


def _new_way(renewal: Renewal, desktop: Desktop, folder: Path) -> Route:
    renewed = desktop.model_copy(update={"identity_file": renewal.pending.identity_file})
    # By its tunnel: that is what is renewed, and the Desktop's new line may not have the address of a LAN.
    routes = routes_to(renewed, renewal.site.server, folder=folder)
    return next(route for route in routes if not route.is_direct)


def _prove(route: Route, renewal: Renewal, say: Say) -> None:
    try:
        prove_way(route, seconds=renewal.seconds, say=say)
    except (KeyRefused, TunnelNotOpen, ForwardRefused) as error:
        hint = f"its old keys go on; there, with what `backupjump enroll rotate {route.desktop}` prints again: "
        raise type(error)(
            f"the new keys are not in use yet: {error}", hint=f"{hint}backupjump enroll accept; then the same here"
        ) from error


def _switch(renewal: Renewal) -> None:
    place = machine_in(renewal.site.config_file, "desktops", renewal.reply.desktop)
    expires = renewal.pending.invitation.expires
    changes: dict[Where, Value] = {
        (*place.base, "identity_file"): str(renewal.pending.identity_file),
        (*place.base, "tunnel_key"): renewal.reply.tunnel_key,
    }
    if expires is not None:
        changes[*place.base, "expires"] = expires.isoformat()
    set_values(place.document.path, changes)
    write_pending(renewal.site.state, ended_with(renewal.pending, renewal.reply))


def _tell_desktop(renewal: Renewal, route: Route, say: Say) -> None:
    """Let the gate note that the new key is the one in use; if that fails, the next run's `done` tells it."""
    words = ["bj1", "done", "not-due", f"rotate-{renewal.pending.invitation.id}"]
    try:
        with open_control(route) as control:
            control.run(words, timeout=_DONE_SECONDS)
    except Stopped:
        raise
    except BackupjumpError as error:
        say(f"The Desktop could not be told ({shown(str(error).splitlines()[0], limit=200)}); the next run tells it.")


def _drop_old_line(renewal: Renewal, say: Say) -> None:
    node = renewal.site.server.jump_nodes[renewal.pending.jump_node or ""]
    accounts = accounts_of(renewal.pending, node)
    script = drop_tunnels_script(accounts, port=renewal.pending.invitation.port, keep=renewal.mark)
    run_or_print(script, renewal.target, node, say=say)


def _delete_old_keys(renewal: Renewal, say: Say) -> None:
    name, site = renewal.reply.desktop, renewal.site
    pattern = re.compile(rf"desktop-{re.escape(name)}(-[0-9a-f]{{8}})?")
    keep = {each.identity_file for each in all_pending(site.state) if each.is_open}
    keep.add(renewal.pending.identity_file)
    folder = site.config_file.absolute().parent / KEYS
    found = [path for path in sorted(folder.glob("desktop-*")) if pattern.fullmatch(path.name) and path not in keep]
    old = deletable(found, site.config_file, site.server, besides=name)
    delete_keys(old)
    for path in old:
        say(f"{shown(str(path))}: deleted; nothing takes that key any more.")
