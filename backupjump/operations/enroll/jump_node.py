"""The JumpNode's part of an enrolment as one script for sh: accounts, key lines, sshd's limits.

Pure text. It may be run again and again, says of each thing whether it was there, puts sshd's config back if sshd does
not take it, and does nothing at all if it arrives cut off. Every value in it is checked when the script is made.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from backupjump.config.checks import read_name, read_tunnel_port
from backupjump.operations.enroll import jump_node_sh as sh
from backupjump.operations.enroll.authorized_keys import mark_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from backupjump.operations.enroll.authorized_keys import Mark

TUNNEL_ACCOUNT = "tunnel"
HOP_ACCOUNT = "bjserver"

# Where sshd looks for keys (sshd_config(5), AuthorizedKeysFile): %u is the account.
_KEYS_FILE = re.compile(r"/[A-Za-z0-9/_.,+@=-]*(%u)?[A-Za-z0-9/_.,+@=-]*")


@dataclass(frozen=True, kw_only=True)
class Accounts:
    """The two accounts on a JumpNode. `keys_file` is where its sshd looks for their keys, if not in ~/.ssh.

    Where the tunnel ends on the Server itself (route local) `hop` is empty: nobody comes in for it.
    """

    tunnel: str = TUNNEL_ACCOUNT
    hop: str = HOP_ACCOUNT
    keys_file: str | None = None

    @property
    def tunnel_sessions(self) -> int:
        """How many sessions a tunnel may have there."""
        return 1 if self.hop else 0


@dataclass(frozen=True, kw_only=True)
class KeyChange:
    """Lines to be in one account's authorized_keys, and marks of lines that are to go.

    With a `port`, nothing is done where another Desktop's line has that port already: another Server's, say.
    """

    account: str
    lines: tuple[str, ...] = ()
    drop: tuple[Mark, ...] = ()
    port: int | None = None


def set_up_script(accounts: Accounts, changes: Sequence[KeyChange]) -> str:
    """Return the script that makes a machine with sshd a JumpNode; it needs root there, once.

    ValueError for accounts that can't be held to forwarding: root would be locked out, one for both needs both ways.
    """
    if "root" in (accounts.tunnel, accounts.hop) or accounts.tunnel == accounts.hop:
        raise ValueError("a JumpNode needs two accounts of their own, neither of them root")
    names = [read_name(accounts.tunnel), *([read_name(accounts.hop)] if accounts.hop else [])]
    steps = [
        "need_root",
        "check_sshd",
        *(f"account {name}" for name in names),
        *_port_steps(accounts, changes),
        # Before any key: a line alone does not keep it from unix sockets.
        f"limits {shlex.quote(snippet(accounts).rstrip())}",
        *_line_steps(accounts, changes),
        f"check_limits {accounts.tunnel_sessions} {shlex.join(names)}",
    ]
    return script_of([sh.SAY, sh.KEYS, sh.SET_UP], steps)


def keys_script(accounts: Accounts, changes: Sequence[KeyChange]) -> str:
    """Return the script for a JumpNode that is set up: a few lines come or go; root, or the account itself, runs it."""
    steps = [*_port_steps(accounts, changes), *_line_steps(accounts, changes)]
    return script_of([sh.SAY, sh.KEYS], steps)


def snippet(accounts: Accounts) -> str:
    """Return what sshd_config.d/backupjump.conf says: any port of loopback here, each key's line narrows it.

    The key lines alone are not enough: permitlisten does not stop -L, permitopen does not stop -R, and neither stops
    unix sockets (measured).  MaxSessions 0: no shell, no command, no sftp, while forwarding works (sshd_config(5)).
    A tunnel gets one, in which `nologin` says no, whatever is asked for: with it sshd delays nothing any more
    (ssh/first_session.py). Not on the Server itself: there no program starts for a key that lies on a Desktop.
    """
    names = ",".join(name for name in (accounts.tunnel, accounts.hop) if name)
    reach = f"""\
Match User {accounts.hop}
  AllowTcpForwarding local
  MaxSessions 0
  PermitListen none
  PermitOpen 127.0.0.1:* localhost:*
"""
    return f"""\
# Written by backupjump: what its accounts may do here. The line of each key narrows it to the ports of that key.
Match User {names}
  AllowAgentForwarding no
  AllowStreamLocalForwarding no
  ClientAliveCountMax 2
  ClientAliveInterval 3
  ForceCommand /usr/sbin/nologin
  GatewayPorts no
  PermitTTY no
  PermitTunnel no
  X11Forwarding no
Match User {accounts.tunnel}
  AllowTcpForwarding remote
  MaxSessions {accounts.tunnel_sessions}
  PermitListen 127.0.0.1:* localhost:*
  PermitOpen none
{reach if accounts.hop else ""}Match all
"""


def _port_steps(accounts: Accounts, changes: Sequence[KeyChange]) -> Iterator[str]:
    place = keys_place(accounts)
    for change in changes:
        if change.port is not None:
            names = {mark.name for line in change.lines if (mark := mark_of(line.encode("ascii")))}
            words = (read_name(change.account), place, *sorted(names), str(read_tunnel_port(change.port)))
            yield f"check_port {shlex.join(words)}"


def _line_steps(accounts: Accounts, changes: Sequence[KeyChange]) -> Iterator[str]:
    place = keys_place(accounts)
    for change in changes:
        account = read_name(change.account)
        for line in change.lines:
            mark = mark_of(line.encode("ascii"))
            assert mark is not None
            assert "\n" not in line
            yield f"put_line {account} {shlex.quote(place)} {shlex.quote(str(mark))} {shlex.quote(line)}"
        for mark in change.drop:
            yield f"drop_line {account} {shlex.quote(place)} {shlex.quote(str(mark))}"


def keys_place(accounts: Accounts) -> str:
    """Return where sshd looks for the keys of these accounts, nothing for ~/.ssh; ValueError if it is no place."""
    place = accounts.keys_file or ""
    if place and not _KEYS_FILE.fullmatch(place):
        raise ValueError(f"{place!r} is not a place for keys: a full path, with %u for the account")
    return place


def script_of(functions: list[str], steps: list[str]) -> str:
    """Return the script that runs `steps`, lines of sh that call these `functions`, or nothing if it is cut off."""
    body = "".join(f"  {step}\n" for step in steps)
    # sh reads a function to its end before it runs any of it: a script that is cut off does nothing.
    return f"{''.join(functions)}main() {{\n{body}}}\nmain </dev/null\n"


def to_paste(script: str) -> str:
    """Return `script` as text for the prompt of a root shell, which goes on living whatever comes of it."""
    return f"sh <<'{sh.END}'\n{script}{sh.END}\n"
