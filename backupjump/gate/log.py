"""One line in the log of this Desktop for what was refused; the Server is told the reason, not shown the line."""

from __future__ import annotations

import os
import socket
import time

from backupjump.escape import shown

SYSLOG = "/dev/log"

_MOST_CHARACTERS = 600
# LOG_AUTH and LOG_WARNING.  Source: syslog(3).
_PRIORITY = 4 << 3 | 4


def log_line(message: str, command: bytes) -> str:
    """Return `message` and the start of `command`, which is a stranger's, as one line of bounded length."""
    return f"{shown(message, limit=300)}: {shown(command, limit=200)}"[:_MOST_CHARACTERS]


def send_to_syslog(line: str, *, address: str = SYSLOG) -> bool:
    """Send `line` to the syslog of this machine; False if there is none."""
    # RFC 3164, as glibc's syslog(3) writes it to the socket.
    stamp = time.strftime("%b %e %H:%M:%S")
    datagram = f"<{_PRIORITY}>{stamp} backupjump-gate[{os.getpid()}]: {line}"
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
            log.settimeout(1.0)
            log.sendto(datagram.encode(), address)
    except OSError:
        return False
    return True
