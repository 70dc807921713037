"""Tell systemd that a service is ready, and that it is alive. Python 3.9, the standard library alone.

Source: sd_notify(3): a datagram of KEY=VALUE lines to the socket that $NOTIFY_SOCKET names, an abstract one after `@`.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping


def notify(*lines: str, environment: Mapping[str, str] = os.environ) -> bool:
    """Send `lines` (such as READY=1, WATCHDOG=1, STATUS=text); False where nobody listens."""
    address = environment.get("NOTIFY_SOCKET", "")
    if not address:
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.sendto("\n".join(lines).encode(), address)
    except OSError:
        return False
    return True
