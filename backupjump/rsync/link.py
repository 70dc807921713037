"""Say why the connection of a transfer broke, from what ssh printed.

The probe of the control plane has judged the route before any rsync starts; what is left for here is a
route that changed in between. ssh speaks first and says why; rsync's last line is only "unexplained error".
"""

from __future__ import annotations

from backupjump.errors import (
    BackupjumpError,
    ForwardRefused,
    HostKeyRefused,
    JumpNodeUnreachable,
    KeyRefused,
    LinkLost,
    TunnelNotOpen,
)
from backupjump.escape import shown
from backupjump.rsync.messages import Messages

# Before the next run moves data it asks each machine on the way, and names the one.
_AGAIN = "run the job again: it then says which machine it is, and what to do there"

# Texts of OpenSSH's client (ssh.c, sshconnect.c, channels.c, packet.c), the most telling first.
_SAID: tuple[tuple[bytes, type[BackupjumpError], str, str], ...] = (
    (b"REMOTE HOST IDENTIFICATION HAS CHANGED", HostKeyRefused, "another host key than the pinned one", _AGAIN),
    (b"Host key verification failed", HostKeyRefused, "a host key that is not the pinned one", _AGAIN),
    (b"Permission denied (", KeyRefused, "our key was refused", _AGAIN),
    (b"administratively prohibited", ForwardRefused, "the JumpNode will not forward the port", _AGAIN),
    (b"Connection refused", TunnelNotOpen, "nothing listens", "on the Desktop: backupjump tunnel open"),
    (b"Could not resolve hostname", JumpNodeUnreachable, "no such host", _AGAIN),
    (b"No route to host", JumpNodeUnreachable, "no way there", _AGAIN),
    (b"Network is unreachable", JumpNodeUnreachable, "no network", _AGAIN),
    (b"Connection timed out", JumpNodeUnreachable, "no answer", _AGAIN),
)


def lost_link(host: str, messages: Messages, *, moved: bool, ended_as: str) -> BackupjumpError:
    """Return the error for a connection that ended early; once data has `moved` it is always LinkLost."""
    first = next((line for line in messages.lines if not _is_rsyncs(line)), next(iter(messages.lines), None))
    evidence = f"{shown(first, limit=400)} ({ended_as})" if first is not None else ended_as
    if not moved:
        text = b"\n".join(messages.lines)
        for said, error, meaning, hint in _SAID:
            if said in text:
                line = next((line for line in messages.lines if said in line), b"")
                return error(f"{host}: {meaning}: {shown(line, limit=400)}", hint=hint)
    return LinkLost(f"{host}: lost the link: {evidence}", hint="what has arrived is kept; run the job again")


def _is_rsyncs(line: bytes) -> bool:
    return line.startswith((b"rsync: ", b"rsync error: ", b"rsync warning: ", b"file has vanished: "))
