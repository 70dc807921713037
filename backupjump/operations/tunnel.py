"""Open the reverse tunnel from this Desktop, keep it for a while, and say how a person comes in through it.

Python 3.9 and newer, the standard library alone.
"""

from __future__ import annotations

import contextlib
import logging
import os
import pwd
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from backupjump import process
from backupjump.errors import BackupjumpError, Stopped
from backupjump.ssh.client_config import Hop
from backupjump.ssh.keys import fingerprint
from backupjump.ssh.tunnel import TunnelChild, write_config
from backupjump.ssh.tunnel_verdicts import Forward

if TYPE_CHECKING:
    from backupjump.config.desktop import Tunnel

log = logging.getLogger(__name__)

STANDS_WITHIN_SECONDS = 20.0


def forwards_of(tunnel: Tunnel) -> tuple[Forward, ...]:
    """Return the forward to ask of each JumpNode of `tunnel`, in the config's order."""
    hops = (
        Hop(
            alias="bj-jump" if number == 1 else f"bj-jump-{number}",
            host=jump.host,
            port=jump.port,
            user=jump.user,
            identity_file=jump.identity_file,
            host_keys=jump.host_keys,
        )
        for number, jump in enumerate(tunnel.jump_nodes, start=1)
    )
    return tuple(
        Forward(jump=hop, port=jump.tunnel_port, to_host=tunnel.to_host, to_port=tunnel.to_port)
        for hop, jump in zip(hops, tunnel.jump_nodes)  # noqa: B905 (3.9 has no strict)
    )


def open_tunnel(
    forwards: Sequence[Forward],
    *,
    folder: Path,
    within_seconds: float = STANDS_WITHIN_SECONDS,
    outlives_us: bool = False,
) -> TunnelChild:
    """Return the first of `forwards` that can be opened, standing; the caller closes it.

    Each JumpNode is tried once, all of them `within_seconds`. When none will do, raises an error that a
    person must mend (port taken, key or host key refused) rather than one that may pass (75). Nothing
    is left running then. ssh's own files are written to `folder`. With `outlives_us` it may go on without us.
    """
    config = write_config((forward.jump for forward in forwards), folder)
    deadline = time.monotonic() + within_seconds
    errors: list[BackupjumpError] = []
    for tried, forward in enumerate(forwards):
        seconds = (deadline - time.monotonic()) / (len(forwards) - tried)
        try:
            return _open_one(forward, config, seconds, outlives_us=outlives_us)
        except Stopped:
            raise
        except BackupjumpError as error:
            errors.append(error)
            if tried + 1 < len(forwards):
                log.warning("%s; trying the next JumpNode", error)
    raise next((error for error in errors if not error.temporary), errors[0])


def _open_one(forward: Forward, config: Path, seconds: float, *, outlives_us: bool) -> TunnelChild:
    with contextlib.ExitStack() as on_failure:
        with process.signals_held():
            child = on_failure.enter_context(TunnelChild(forward, config, outlives_us=outlives_us))
        child.await_standing(seconds)
        on_failure.pop_all()
    log.info("tunnel stands: port %d on JumpNode %s", child.forward.port, child.forward.jump_node)
    return child


@dataclass(frozen=True)
class Invitation:
    """How a person logs in to this Desktop while the tunnel stands."""

    on_jump_node: str
    through_jump_node: str
    host_key: str | None
    stays: timedelta


def invitation(forward: Forward, *, host_key: str | None, stays: timedelta) -> Invitation:
    """Return the lines to hand to a person: for one who sits on the JumpNode, and for one who goes through it.

    The account is the one that runs this; `host_key` is the public host key to expect behind the tunnel.
    """
    login = f"-p {forward.port} {pwd.getpwuid(os.getuid()).pw_name}@localhost"
    return Invitation(
        on_jump_node=f"ssh {login}",
        through_jump_node=f"ssh -J {forward.jump_node} {login}",
        host_key=fingerprint(host_key) if host_key else None,
        stays=stays,
    )


@dataclass(frozen=True)
class FarEnd:
    """What a tunnel leads to: whether anybody answers there, and the public host key if it is an sshd."""

    answers: bool
    host_key: str | None


def look_at_far_end(forward: Forward, *, timeout: float = 3.0) -> FarEnd:
    """Return what answers at `to_host`:`to_port` of `forward`, asked from here; takes `timeout` at most twice."""
    try:
        with socket.create_connection((forward.to_host, forward.to_port), timeout) as connection:
            # ssh-keyscan takes the first address that a name has, ssh the first that answers.
            address = connection.getpeername()[0]
    except OSError:
        return FarEnd(answers=False, host_key=None)
    argv = ["ssh-keyscan", "-T", "3", "-t", "ed25519", "-p", str(forward.to_port), address]
    try:
        words = process.run(argv, timeout=timeout).stdout.decode("ascii", "replace").split()
    except process.TimedOut:
        words = []
    return FarEnd(answers=True, host_key=" ".join(words[1:3]) if len(words) >= 3 else None)
