"""What the ssh of a tunnel means by the lines of `ssh -v`: it stands, or why it does not.

ssh ends with 255 whatever went wrong, so its words decide. Every sign below was seen with OpenSSH 9.2;
the test has the lines. Python 3.9 and newer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from backupjump.errors import (
    BackupjumpError,
    ForwardRefused,
    HostKeyRefused,
    JumpNodeUnreachable,
    KeyRefused,
    LinkLost,
)
from backupjump.escape import shown_lines
from backupjump.ssh.client_config import Hop
from backupjump.ssh.keys import fingerprint

_SHOWN_KEY = re.compile(r"debug1: Server host key: \S+ (SHA256:[A-Za-z0-9+/]+)")
# sshd says these in debug messages before it refuses; it says nothing when only the port is taken.
# Source: OpenSSH serverloop.c and channels.c; seen.
_NOT_ALLOWED = re.compile(r"debug1: Remote: (Server has disabled port forwarding|port forwarding refused)")
_TAKEN = " is taken"
_UNFIT = re.compile(r"Bad |terminating, |Unable to negotiate|no matching ")


@dataclass(frozen=True)
class Forward:
    """A port on the JumpNode's loopback that leads to `to_host`:`to_port`, as seen from this Desktop."""

    jump: Hop
    port: int
    to_host: str
    to_port: int

    @property
    def jump_node(self) -> str:
        """What a person calls the JumpNode: its host, and its port where that is not 22."""
        host = f"[{self.jump.host}]" if ":" in self.jump.host else self.jump.host
        return host if self.jump.port == 22 else f"{host}:{self.jump.port}"


def is_heard(line: str) -> bool:
    """Tell whether by this line of `ssh -v` somebody took the connection."""
    return line.startswith("debug1: Connection established.")


def stands(line: str) -> bool:
    """Tell whether this line of `ssh -v` confirms the forward."""
    return line.startswith("debug1: remote forward success for: ")


def why_it_fails(lines: Sequence[str], forward: Forward) -> BackupjumpError:
    """Return what the `lines` of an ssh mean that ended before its forward stood."""
    text = "\n".join(lines)
    if "Host key verification failed" in text:
        return _host_key_refused(text, forward)
    if "remote port forwarding failed" in text:
        return _not_allowed(forward) if _NOT_ALLOWED.search(text) else _port_taken(forward)
    if re.search(r"Permission denied|Too many authentication failures", text):
        return _key_refused(lines, forward)
    if _UNFIT.search(_last_words(lines)):
        return BackupjumpError(f"ssh can't open the tunnel to {forward.jump_node}: {_last_words(lines)}")
    return unreachable(forward, _last_words(lines) or "ssh ended without a word")


def is_port_taken(error: BackupjumpError) -> bool:
    """Whether `error` says that the JumpNode lets our key listen there, and somebody listens already."""
    return isinstance(error, ForwardRefused) and str(error).endswith(_TAKEN)


def unreachable(forward: Forward, why: str) -> JumpNodeUnreachable:
    """Return the error for a JumpNode that no connection could be made to, or not in time."""
    return JumpNodeUnreachable(
        f"JumpNode {forward.jump_node} can't be reached: {why}",
        hint="is this machine online, and the JumpNode up? a later try may work",
    )


def slow_tunnel(forward: Forward) -> str:
    """Return what to say of a tunnel that stands, on which the JumpNode's sshd delays what it sends."""
    return (
        f"JumpNode {forward.jump_node} grants this tunnel no session, so its sshd holds messages back on it: "
        "up to 40 ms for each answer, and a transfer can take twice as long; backupjump doctor tells what mends it"
    )


def why_it_broke(lines: Sequence[str], forward: Forward) -> LinkLost:
    """Return the error for a tunnel that stood and whose ssh ended by itself."""
    return LinkLost(
        f"the tunnel to JumpNode {forward.jump_node} broke: {_last_words(lines) or 'ssh ended without a word'}",
        hint="open it again: backupjump tunnel open",
    )


def _host_key_refused(text: str, forward: Forward) -> HostKeyRefused:
    offered = _SHOWN_KEY.findall(text)
    pinned = [fingerprint(key) for key in forward.jump.host_keys]
    return HostKeyRefused(
        f"JumpNode {forward.jump_node} shows another host key than the pinned one; nothing was sent to it\n"
        f"  pinned:  {' or '.join(pinned)}\n"
        f"  offered: {offered[-1] if offered else '(of another type)'}",
        hint="an impostor, or was it reinstalled? compare on the JumpNode itself: "
        "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub; only if it is the same: "
        "backupjump enroll repin",
    )


def _key_refused(lines: Sequence[str], forward: Forward) -> KeyRefused:
    jump = forward.jump
    return KeyRefused(
        f"JumpNode {forward.jump_node} does not accept our key for {jump.user}: {_last_words(lines)}",
        hint="enrolled just now? then `enroll finish` on the Server has yet to let it in; "
        "else backupjump doctor prints the line that does, its limits with it",
    )


def _not_allowed(forward: Forward) -> ForwardRefused:
    end = f"127.0.0.1:{forward.port}"
    return ForwardRefused(
        f"JumpNode {forward.jump_node} let us in, but does not allow this key to listen on {end}",
        hint=f"there, in ~{forward.jump.user}/.ssh/authorized_keys, the line of our key needs port-forwarding and "
        f'permitlisten="{end}", and sshd_config no AllowTcpForwarding or PermitListen against it',
    )


def _port_taken(forward: Forward) -> ForwardRefused:
    return ForwardRefused(
        f"port {forward.port} on JumpNode {forward.jump_node}{_TAKEN}",
        hint="perhaps by this Desktop's own older tunnel: it frees itself within a minute or two, as soon as the "
        "JumpNode's sshd notices (ClientAliveInterval 10 there makes it quick); "
        f"who holds it? there: ss -ltnp 'sport = :{forward.port}'; or choose another port",
    )


def _last_words(lines: Sequence[str]) -> str:
    """Return the last lines that ssh wrote for people, on one line, safe to show."""
    # `channel 2: open failed` is a session that the JumpNode did not grant.
    noise = ("debug", "OpenSSH_", "Transferred: ", "Bytes per second: ", "Authenticated to ", "channel ")
    spoken = [line for line in lines if line.strip() and not line.startswith(noise)]
    return shown_lines("\n".join(spoken[-2:])).replace("\n", "; ")
