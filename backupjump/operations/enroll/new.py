"""`enroll new`, on the Server: propose to back a Desktop up. A bare Server gets its config and keys on the way."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from backupjump.config.desktop import is_desktop_file
from backupjump.config.load import load_server
from backupjump.config.state import state_dir
from backupjump.config.yaml_file import read_document
from backupjump.errors import BackupjumpError, UsageError
from backupjump.escape import shown
from backupjump.operations.enroll.consent import agreed
from backupjump.operations.enroll.fresh_file import let_nobody_else_write, make_key
from backupjump.operations.enroll.here import own_host_key
from backupjump.operations.enroll.invitation import NEW, Invitation, JumpAccount
from backupjump.operations.enroll.jump_choice import (
    JumpChoice,
    choose_jump_node,
    compare_line,
    confirmed_host_key,
    read_address,
)
from backupjump.operations.enroll.jump_node import TUNNEL_ACCOUNT
from backupjump.operations.enroll.new_wishes import NewWishes, check_wishes
from backupjump.operations.enroll.pending import Pending, all_pending, forget_pending, one_at_a_time, write_pending
from backupjump.operations.enroll.ports import free_port, taken_ports
from backupjump.operations.enroll.server_files import (
    jump_node_text,
    refuse_a_desktop,
    server_config_path,
    server_text,
    write_and_load,
)
from backupjump.ssh.keys import fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from backupjump.config.models import Server


@dataclass(frozen=True, kw_only=True)
class Bare:
    """What this Server has so far: the path of its config, what it says, and the JumpNode that is meant, if any."""

    path: Path
    server: Server | None
    jump: JumpChoice | None


@dataclass(frozen=True, kw_only=True)
class End:
    """Where a Desktop's tunnel ends: a JumpNode of the config, or this Server itself (`jump_node` is None)."""

    jump_node: str | None
    host: str
    port: int
    host_keys: tuple[str, ...]


def propose(wishes: NewWishes, *, say: Callable[..., None]) -> Invitation:
    """Return the invitation for a Desktop; the same one again for the same wishes, until its reply has come back."""
    check_wishes(wishes)
    let_nobody_else_write()
    path = server_config_path(wishes.config)
    server = _load(path)
    if server is None and wishes.store is None:
        raise UsageError(
            f"there is no config yet ({shown(str(path))})", hint="name a folder for the backups: --store DIR"
        )
    if server is not None:
        _refuse_another_store(server, path, wishes)
    if server is not None and wishes.name in server.desktops:
        revoked = server.desktops[wishes.name].revoked
        again = "it was revoked; to enrol it anew, take its file out of desktops/ first, the snapshots stay"
        renew = f"new keys for it: backupjump enroll rotate {wishes.name}; another machine needs another name"
        raise UsageError(f"desktop {wishes.name} is in the config already", hint=again if revoked else renew)
    if wishes.here is not None:
        host, port = read_address(wishes.here)
        end = End(jump_node=None, host=host, port=port, host_keys=(own_host_key(wishes.jump_host_key),))
        return _invite(_prepared(Bare(path=path, server=server, jump=None), wishes, say), path, end, wishes, say)
    jump = choose_jump_node(server, address=wishes.jump, name=wishes.jump_node)
    server = _prepared(Bare(path=path, server=server, jump=jump), wishes, say)
    node = server.jump_nodes[jump.name]
    end = End(jump_node=node.name, host=node.host, port=node.port, host_keys=node.host_key)
    return _invite(server, path, end, wishes, say)


def _refuse_another_store(server: Server, path: Path, wishes: NewWishes) -> None:
    if wishes.store is not None and wishes.store.absolute() != server.store.path.absolute():
        raise UsageError(
            f"the store is {shown(str(server.store.path))} already, as {shown(str(path))} says",
            hint="leave out --store; to keep the backups elsewhere, edit it there",
        )


def _load(path: Path) -> Server | None:
    if not path.exists():
        return None
    document = read_document(path)
    refuse_a_desktop(path, is_desktop=document.whole and is_desktop_file(document))
    return load_server(path)


def _prepared(bare: Bare, wishes: NewWishes, say: Callable[..., None]) -> Server:
    """Write config and JumpNode's file where they are missing, once a person has agreed; return the Server."""
    folder, jump = bare.path.parent, bare.jump
    texts: dict[Path, str] = {}
    if bare.server is None:
        assert wishes.store is not None
        texts[bare.path] = server_text(wishes.store.absolute())
    lines, keys, compared, unasked = [], [], True, "--yes"
    if jump is not None and jump.is_new:
        keys = [folder / "keys" / f"jumpnode-{jump.name}"]
        say(f"Asking {jump.host} port {jump.port} for its host key …")
        host_key, compared = confirmed_host_key(jump, wishes.user, wishes.jump_host_key)
        lines += _key_lines(jump, host_key, compared=compared)
        unasked += "" if compared else f" --jump-host-key {fingerprint(host_key)}"
        texts[folder / "jump_nodes" / f"{jump.name}.yaml"] = jump_node_text(
            host=jump.host, port=jump.port, user=wishes.user, identity_file=keys[0], host_key=host_key
        )
    if not texts:
        assert bare.server is not None
        return bare.server
    say(*lines, "This will be written:", *(f"  {shown(str(path))}" for path in (*texts, *keys)))
    if wishes.yes and not compared:
        raise UsageError(
            "--yes would trust whatever key the JumpNode's address shows; nothing was changed",
            hint=f"once the JumpNode itself has printed the same: {unasked}",
        )
    question = "Is that the JumpNode's key, and shall it be so?" if keys else "Shall it be so?"
    if not agreed(question, yes=wishes.yes, unasked=unasked):
        raise BackupjumpError("nothing was changed")
    for key in keys:
        make_key(key, comment=f"backupjump:hop:{key.name.partition('-')[2]}")
    return write_and_load(bare.path, texts)


def _key_lines(jump: JumpChoice, host_key: str, *, compared: bool) -> list[str]:
    if compared:
        return [
            f"JumpNode {jump.name}, {jump.host} port {jump.port}, is pinned to {fingerprint(host_key)}, as you said."
        ]
    return [
        f"JumpNode {jump.name}, {jump.host} port {jump.port}, shows this host key:",
        f"  {fingerprint(host_key)}",
        f"Compare it on the JumpNode itself: {compare_line(host_key)}",
    ]


def _invite(server: Server, path: Path, end: End, wishes: NewWishes, say: Callable[..., None]) -> Invitation:
    state = state_dir(server.state_dir)
    with one_at_a_time(state):
        return _invite_alone(server, path, end, wishes, say, state)


def _invite_alone(
    server: Server, path: Path, end: End, wishes: NewWishes, say: Callable[..., None], state: Path
) -> Invitation:
    pendings = all_pending(state)
    earlier = [each for each in pendings if each.is_open and each.invitation.desktop == wishes.name]
    others = [each for each in pendings if each not in earlier]
    identity_file = path.parent / "keys" / f"desktop-{wishes.name}"
    before = next((each for each in reversed(pendings) if each.jump_node == end.jump_node), None)
    tunnel_user = wishes.tunnel_user or (before.invitation.jump.user if before else TUNNEL_ACCOUNT)
    keys_file = wishes.jump_keys or (before.keys_file if before else None)
    like = earlier[0].invitation if earlier and earlier[0].jump_node == end.jump_node else None
    invitation = Invitation(
        kind=NEW,
        id=like.id if like else secrets.token_hex(4),
        desktop=wishes.name,
        route=wishes.route,
        jump=JumpAccount(end.host, end.port, tunnel_user, end.host_keys),
        port=free_port(taken_ports(server, others, end.jump_node), wishes.port or (like.port if like else None)),
        data_key=make_key(identity_file, comment=f"backupjump:data:{wishes.name}"),
        read=wishes.read,
        expires=wishes.expires,
    )
    if like is not None and invitation != like:
        invitation = replace(invitation, id=secrets.token_hex(4))
    for each in earlier:
        if each.invitation.id != invitation.id:
            forget_pending(state, each)
            say("This takes the place of an earlier invitation, whose reply would now be refused.")
    write_pending(
        state,
        Pending(invitation=invitation, jump_node=end.jump_node, identity_file=identity_file, keys_file=keys_file),
    )
    return invitation
