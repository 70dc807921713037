"""Route local: the tunnel ends on this Server itself, so its part of an enrolment is done on this very machine."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from backupjump import process
from backupjump.config.checks import read_host_key
from backupjump.errors import BackupjumpError, UsageError
from backupjump.escape import shown_lines
from backupjump.operations.enroll.authorized_keys import TUNNEL, Mark, tunnel_line
from backupjump.operations.enroll.jump_node import Accounts, KeyChange, keys_script, set_up_script, to_paste

if TYPE_CHECKING:
    from collections.abc import Callable

    from backupjump.config.models import Server
    from backupjump.operations.enroll.pending import Pending
    from backupjump.operations.enroll.reply import Reply

_HOST_KEY = Path("/etc/ssh/ssh_host_ed25519_key.pub")
_SECONDS = 60.0


def own_host_key(named: str | None) -> str:
    """Return this machine's public host key: the line that was `named`, else the one that its sshd has."""
    try:
        return read_host_key(_HOST_KEY.read_text("ascii") if named is None else named)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"this machine's host key can't be told: {error}",
            hint="is openssh-server installed here? or name it: --jump-host-key 'ssh-ed25519 AAAA…'",
        ) from error


def script_for_here(server: Server, pending: Pending, reply: Reply, *, lines_only: bool) -> str:
    """Return the script for this machine: account and limits for the first Desktop, a line for each further one."""
    invitation = pending.invitation
    accounts = Accounts(tunnel=invitation.jump.user, hop="", keys_file=pending.keys_file)
    mark = Mark(TUNNEL, invitation.desktop, invitation.id)
    line = tunnel_line(mark, reply.tunnel_key, port=invitation.port, expires=invitation.expires)
    changes = [KeyChange(account=accounts.tunnel, lines=(line,), port=invitation.port)]
    is_first = all(not each.tunnels_on(None) or each.name == reply.desktop for each in server.desktops.values())
    try:
        return set_up_script(accounts, changes) if is_first and not lines_only else keys_script(accounts, changes)
    except ValueError as error:
        raise UsageError(f"{accounts.tunnel}: {error}", hint="--lines-only sets up no account") from error


def run_or_print_here(script: str, *, asked: bool, say: Callable[..., None]) -> bool:
    """Run `script` here if that was `asked` for and this is root, and return True; else print it to be pasted here."""
    if asked and os.geteuid() == 0:
        done = process.run(["sh", "-s"], timeout=_SECONDS, stdin=script.encode("ascii"))
        told = shown_lines(done.stdout + done.stderr)
        if done.status != 0:
            raise BackupjumpError(f"on this machine it stopped with {done.status}:\n{told}")
        say("On this machine:", *(f"  {line}" for line in told.splitlines()))
        return True
    say("To be pasted into a root shell on this machine; repeating it does no harm:", "")
    sys.stdout.write(to_paste(script))
    sys.stdout.flush()
    say("")
    return False
