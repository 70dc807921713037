"""`enroll rotate --jump-node NAME`, on the Server: another key for our account there; the old one until it works."""

from __future__ import annotations

import re
import secrets
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from backupjump import process
from backupjump.config.edit import set_values
from backupjump.config.load import load_server, unknown_name
from backupjump.config.models import RouteKind
from backupjump.errors import (
    BackupjumpError,
    ConfigError,
    DesktopAway,
    ForwardRefused,
    KeyRefused,
    TunnelNotOpen,
    UsageError,
)
from backupjump.escape import shown
from backupjump.operations.enroll.authorized_keys import FIRST_PORT, RESERVED_PORTS, hop_line, hop_mark
from backupjump.operations.enroll.consent import agreed
from backupjump.operations.enroll.fresh_file import make_key, public_half
from backupjump.operations.enroll.jump_node import KeyChange, keys_script
from backupjump.operations.enroll.machine_files import KEYS, deletable, delete_keys, machine_in
from backupjump.operations.enroll.on_jump_node import run_or_print
from backupjump.operations.enroll.pending import all_pending
from backupjump.operations.enroll.ports import ports_of
from backupjump.operations.enroll.revoke import remembered_accounts
from backupjump.ssh.client_config import Hop
from backupjump.ssh.link import forward_argv
from backupjump.ssh.route import prepare, route_to_jump
from backupjump.ssh.verdicts import Leg, verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from backupjump.config.models import Desktop, JumpNode
    from backupjump.operations.enroll.apply import Target
    from backupjump.operations.enroll.authorized_keys import Mark
    from backupjump.operations.enroll.jump_node import Accounts
    from backupjump.operations.site import Site

    Say = Callable[..., None]

_WAITS_SECONDS = 15 * 60.0
_LOGIN_SECONDS = 40.0


@dataclass(frozen=True, kw_only=True)
class HopRenewal:
    """Another key for the JumpNode `node`. `target` is a person's login there; `every` seconds it is tried."""

    site: Site
    node: JumpNode
    target: Target | None = None
    yes: bool = False
    seconds: float = _WAITS_SECONDS
    every: float = 10.0

    @property
    def accounts(self) -> Accounts:
        """The accounts there, as enrolments remember them."""
        pendings = [each for each in all_pending(self.site.state) if each.jump_node == self.node.name]
        return remembered_accounts(pendings, self.node)


def renewal_of(site: Site, name: str, *, target: Target | None, yes: bool) -> HopRenewal:
    """Return the renewal for the JumpNode `name`; UsageError where there is none, or its key was made by hand."""
    if name not in site.server.jump_nodes:
        raise unknown_name("JumpNode", name, site.server.jump_nodes)
    nested = [
        each.name
        for each in _desktops(site, name)
        if any(way.route is RouteKind.NESTED for way in each.tunnels_on(name))
    ]
    if nested:
        raise UsageError(
            f"JumpNode {name} has desktops of route nested ({', '.join(nested)}), whose key needs a shell there",
            hint="make a new one as the README makes the first; take the old line out once the new one works",
        )
    return HopRenewal(site=site, node=site.server.jump_nodes[name], target=target, yes=yes)


def hop_renewal_steps(renewal: HopRenewal, *, say: Say) -> Iterator[str]:
    """Do the renewal step by step, yielding the name of each that is done; it may be broken off after any of them."""
    node, new = renewal.node, _new_key(renewal)
    say(
        f"JumpNode {node.name} is to let this Server in by a new key:",
        f"  {shown(str(new))}: made here",
        f"  on the JumpNode, account {node.user}: one line more; the old one goes once the new one has been used",
    )
    if not agreed("Shall it be so?", yes=renewal.yes):
        raise BackupjumpError("nothing was changed")
    key = make_key(new, comment=f"backupjump:hop:{node.name}")
    ports = {*RESERVED_PORTS, *ports_of(_desktops(renewal.site, node.name), node.name)}
    _change_keys(
        renewal, KeyChange(account=node.user, lines=(hop_line(hop_mark(node.name, key), key, ports=ports),)), say
    )
    yield "let in"
    _prove(renewal, new, say)
    yield "proven"
    place = machine_in(renewal.site.config_file, "jump_nodes", node.name)
    set_values(place.document.path, {(*place.base, "identity_file"): str(new)})
    say("Proven: the JumpNode let us in by the new key. The config names it now.")
    yield "switched"
    old = _old_keys(renewal, new)
    _change_keys(renewal, KeyChange(account=node.user, drop=_marks_of(old, node.name)), say)
    yield "old key out"
    gone = deletable(old, renewal.site.config_file, load_server(renewal.site.config_file), besides="")
    delete_keys(gone)
    say(*(f"{shown(str(path))}: deleted; nothing takes that key any more." for path in gone))
    say(*(f"{shown(str(path))}: not made by enrolment; it stays." for path in old if path not in gone))
    yield "done"


def _desktops(site: Site, name: str) -> list[Desktop]:
    return [each for each in site.server.desktops.values() if each.tunnels_on(name) and not each.revoked]


def _change_keys(renewal: HopRenewal, change: KeyChange, say: Say) -> None:
    script = keys_script(renewal.accounts, [change])
    run_or_print(script, renewal.target, renewal.node, say=say)


def _prove(renewal: HopRenewal, key: Path, say: Say) -> None:
    """Return once the JumpNode lets the new key forward to the port of a Desktop, whether or not that one is there."""
    deadline, told = time.monotonic() + renewal.seconds, False
    while (error := _try(renewal, key)) is not None:
        if not isinstance(error, (KeyRefused, ForwardRefused)) or time.monotonic() > deadline:
            raise error
        if not told:
            told = True
            say(f"Not yet: {shown(str(error).splitlines()[0], limit=300)}. Trying again; Ctrl-C changes nothing.")
        time.sleep(renewal.every)


def _try(renewal: HopRenewal, key: Path) -> BackupjumpError | None:
    ports = ports_of(_desktops(renewal.site, renewal.node.name), renewal.node.name)
    node = renewal.node.model_copy(update={"identity_file": key})
    end = Hop("bj-end", "127.0.0.1", min(ports, default=FIRST_PORT), node.user, key, ())
    with tempfile.TemporaryDirectory(prefix="rotate-", dir=renewal.site.state) as folder:
        route = replace(route_to_jump(node, folder=Path(folder) / "route"), kind=RouteKind.PROXYCOMMAND, target=end)
        prepare(route)
        try:
            done = process.run(forward_argv(route), timeout=_LOGIN_SECONDS)
        except process.TimedOut:
            return DesktopAway(f"JumpNode {node.name} does not answer in time")
    if done.status == 0:
        return None
    error = verdict(done.stderr.decode("utf-8", "replace"), done.status, route=route, leg=Leg.JUMP)
    return None if isinstance(error, TunnelNotOpen) else error


def _new_key(renewal: HopRenewal) -> Path:
    """Return where the new key lies: that of a renewal that was broken off, else a fresh name."""
    current = renewal.node.identity_file
    begun = [path for path in _keys_of(renewal) if path != current and _made_at(path) > _made_at(current)]
    # A renewal that was broken off behind its switch goes on with what the config names.
    if begun or any(path != current for path in _keys_of(renewal)):
        return begun[-1] if begun else current
    return _folder(renewal) / f"jumpnode-{renewal.node.name}-{secrets.token_hex(4)}"


def _old_keys(renewal: HopRenewal, new: Path) -> list[Path]:
    known = dict.fromkeys((renewal.node.identity_file, *_keys_of(renewal)))
    return [path for path in known if path != new and path.exists()]


def _marks_of(keys: list[Path], name: str) -> tuple[Mark, ...]:
    """Return the marks of the lines of these keys; one that is not ed25519 was made by hand, and so was its line."""
    marks = []
    for path in keys:
        with suppress(ConfigError):
            marks.append(hop_mark(name, public_half(path)))
    return tuple(marks)


def _keys_of(renewal: HopRenewal) -> list[Path]:
    """Return the private keys that enrolment made for this JumpNode, oldest first."""
    pattern = re.compile(rf"jumpnode-{re.escape(renewal.node.name)}(-[0-9a-f]{{8}})?")
    others = {each.identity_file for each in renewal.site.server.jump_nodes.values() if each.name != renewal.node.name}
    found = [
        path for path in _folder(renewal).glob("jumpnode-*") if pattern.fullmatch(path.name) and path not in others
    ]
    return sorted(found, key=_made_at)


def _made_at(path: Path) -> int:
    return path.stat().st_mtime_ns if path.exists() else 0


def _folder(renewal: HopRenewal) -> Path:
    return renewal.site.config_file.absolute().parent / KEYS
