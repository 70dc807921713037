"""Open the tunnel for a while because a person asked for it, and tell how somebody comes in through it.

Python 3.9 and newer, the standard library and yaml: the Desktop's front calls this as the Server's does.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from backupjump.config.desktop import Tunnel, load_desktop
from backupjump.config.find import find_config
from backupjump.config.state import state_dir
from backupjump.config.times import read_duration, write_duration
from backupjump.errors import Stopped, UsageError
from backupjump.operations.agent.held import hold
from backupjump.operations.agent.lock import holding
from backupjump.operations.agent.memory import read_told
from backupjump.operations.tunnel import Invitation, forwards_of, invitation, look_at_far_end, open_tunnel
from backupjump.ssh.tunnel import TunnelChild
from backupjump.ssh.tunnel_verdicts import Forward, slow_tunnel

_ANSWER_SECONDS = 2.0


def keep_tunnel_open(
    config: Path | None, length: str, *, quiet: bool, say: Callable[[str], None], warn: Callable[[str], None]
) -> int:
    """Keep the tunnel of `config` open for `length` (such as 30m) and return the exit code.

    Unless `quiet`, `say` gets each line for the person and `warn` those for stderr. Raises what
    `open_tunnel` raises.
    """
    stays = _read_length(length)
    found = load_desktop(find_config(config), check_keys=True)
    state = state_dir(found.state_dir)
    if hold(state, stays):
        if not quiet:
            _invite(_held_forward(found.tunnel, state), stays, say=say, warn=warn)
            say("The agent keeps it open; to see it: backupjump tunnel status")
        return 0
    with holding(state), open_tunnel(forwards_of(found.tunnel), folder=state / "tunnel") as standing:
        if not quiet:
            _invite(standing.forward, stays, say=say, warn=warn)
            if standing.await_nodelay(_ANSWER_SECONDS) is False:
                warn(f"warning: {slow_tunnel(standing.forward)}")
            say("Ctrl-C closes it.")
        code = _keep_open(standing, stays)
    if not quiet:
        why = "Stopped" if code else "The time is over"
        say(f"{why}; port {standing.forward.port} is closed again.")
    return code


def _held_forward(tunnel: Tunnel, state: Path) -> Forward:
    """Return the forward that the agent holds: that of the JumpNode it tells of."""
    forwards, told = forwards_of(tunnel), read_told(state)
    return next((each for each in forwards if told is not None and each.jump_node == told.jump_node), forwards[0])


def _keep_open(standing: TunnelChild, stays: timedelta) -> int:
    """Return the exit code; a signal is how an owner closes the tunnel, so no error is told of it."""
    try:
        standing.await_end(stays.total_seconds())
    except Stopped as stopped:
        return stopped.exit_code
    return 0


def _read_length(text: str) -> timedelta:
    try:
        return read_duration(text)
    except ValueError as error:
        raise UsageError(f"--for {text!r} {error}") from error


def _invite(forward: Forward, stays: timedelta, *, say: Callable[[str], None], warn: Callable[[str], None]) -> None:
    far_end = look_at_far_end(forward)
    for line in _invitation_lines(forward, invitation(forward, host_key=far_end.host_key, stays=stays)):
        say(line)
    if not far_end.answers:
        warn(
            f"warning: nothing answers on {forward.to_host}:{forward.to_port} here, so nobody can come in yet; "
            "is sshd running? try: systemctl status ssh"
        )


def _invitation_lines(forward: Forward, invited: Invitation) -> list[str]:
    return [
        f"The tunnel stands: port {forward.port} on JumpNode {forward.jump_node} leads to this machine.",
        "To log in here, someone who is on the JumpNode types:",
        f"  {invited.on_jump_node}",
        "and someone who goes through it, with a login of their own there:",
        f"  {invited.through_jump_node}",
        *([f"This machine's host key: {invited.host_key}"] if invited.host_key else []),
        f"It stays open for {write_duration(invited.stays)}.",
    ]
