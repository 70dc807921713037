"""How long a far end takes to answer what costs it nothing: what stalls on the way shows in it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

_IGNORED_BYTES = 16
# Else both messages would leave in one packet.
_APART_SECONDS = 0.003


@dataclass(frozen=True, kw_only=True)
class Answers:
    """How long the Desktop's sshd takes to answer a message, and one close behind another: medians of `count` each."""

    alone_seconds: float
    behind_another_seconds: float
    count: int


def answer_seconds(transport: Any, *, behind_another: bool) -> float:
    """Return how long the answer to a message of a paramiko Transport took; EOFError if the connection ended.

    `behind_another`: just after a message that gets no answer.  Source: RFC 4253, 11.2; RFC 4254, 4.
    """
    if behind_another:
        transport.send_ignore(_IGNORED_BYTES)
        time.sleep(_APART_SECONDS)
    began_at = time.monotonic()
    transport.global_request("keepalive@openssh.com", wait=True)
    if not transport.is_active():
        raise EOFError("it ended")
    return time.monotonic() - began_at
