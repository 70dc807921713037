"""What an enrolment needs on the JumpNode, and how it gets there: run by the person's own ssh, or pasted by hand."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from backupjump.errors import UsageError
from backupjump.operations.enroll.apply import CannotLogIn, apply_script
from backupjump.operations.enroll.authorized_keys import RESERVED_PORTS, TUNNEL, Mark, hop_line, hop_mark, tunnel_line
from backupjump.operations.enroll.fresh_file import public_half
from backupjump.operations.enroll.jump_node import Accounts, KeyChange, keys_script, set_up_script, to_paste
from backupjump.operations.enroll.machine_files import KEYS
from backupjump.operations.enroll.ports import ports_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from backupjump.config.models import JumpNode, Server
    from backupjump.operations.enroll.apply import Target
    from backupjump.operations.enroll.pending import Pending
    from backupjump.operations.enroll.reply import Reply


def accounts_of(pending: Pending, node: JumpNode) -> Accounts:
    """Return the accounts on the JumpNode that an enrolment is for."""
    return Accounts(tunnel=pending.invitation.jump.user, hop=node.user, keys_file=pending.keys_file)


def jump_node_script(server: Server, pending: Pending, reply: Reply, *, lines_only: bool) -> str:
    """Return the script for the JumpNode: all of it for the first Desktop there, one line for each further one.

    With `lines_only` its accounts and sshd's limits are left as they are for the first one too.
    """
    invitation = pending.invitation
    assert pending.jump_node is not None
    node = server.jump_nodes[pending.jump_node]
    accounts = accounts_of(pending, node)
    mark = Mark(TUNNEL, invitation.desktop, invitation.id)
    line = tunnel_line(mark, reply.tunnel_key, port=invitation.port, expires=invitation.expires)
    changes = [KeyChange(account=accounts.tunnel, lines=(line,), port=invitation.port)]
    there = [each for each in server.desktops.values() if each.tunnels_on(node.name)]
    is_first = all(each.name == reply.desktop for each in there)
    if is_first or invitation.port not in RESERVED_PORTS:
        key = public_half(node.identity_file)
        ports = {*RESERVED_PORTS, invitation.port, *ports_of(there, node.name)}
        changes.append(KeyChange(account=accounts.hop, lines=(hop_line(hop_mark(node.name, key), key, ports=ports),)))
    if not is_first or lines_only:
        return keys_script(accounts, changes)
    try:
        return set_up_script(accounts, changes)
    except ValueError as error:
        raise UsageError(
            f"{accounts.tunnel} and {accounts.hop}: {error}", hint="--lines-only sets up no account"
        ) from error


def by_hand_lines(server: Server, config: Path, pending: Pending) -> list[str]:
    """Return what a person must see to on a JumpNode whose line for this Server no enrolment has written."""
    node, port = server.jump_nodes[pending.jump_node or ""], pending.invitation.port
    if node.identity_file.parent == config.absolute().parent / KEYS:
        return []
    return [
        f"JumpNode {node.name} was set up by hand. See to it there that {node.user}'s line in authorized_keys has",
        f'  permitopen="127.0.0.1:{port}",permitopen="localhost:{port}"',
        "and that sshd's PermitListen and PermitOpen allow 127.0.0.1:* and localhost:* (each key's line narrows it).",
    ]


def run_or_print(script: str, target: Target | None, node: JumpNode, *, say: Callable[..., None]) -> bool:
    """Run `script` on the JumpNode as `target`, and return True; where nobody gets in, print it to be pasted there.

    BackupjumpError when it ran and stopped.
    """
    if target is not None:
        say(f"Logging in as {target} …")
        try:
            told = apply_script(script, target, host_keys=node.host_key)
        except CannotLogIn as error:
            say(str(error))
        else:
            say(f"On JumpNode {node.name}:", *(f"  {line}" for line in told.splitlines()))
            return True
    say(f"To be pasted into a root shell on JumpNode {node.name} ({node.host}); repeating it does no harm:", "")
    sys.stdout.write(to_paste(script))
    sys.stdout.flush()
    say("")
    return False
