"""`backupjump tunnel`: what a Desktop does so that the Server, or a person, can come in."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import click

from backupjump.errors import Stopped, UsageError

if TYPE_CHECKING:
    from backupjump.cli.options import Options
    from backupjump.operations.tunnel import Invitation
    from backupjump.ssh.tunnel import TunnelChild
    from backupjump.ssh.tunnel_verdicts import Forward


@click.group()
def tunnel() -> None:
    """On the Desktop: open the reverse tunnel to the JumpNode."""


@tunnel.command("open")
@click.option("--for", "length", default="2h", show_default=True, metavar="TIME", help="How long it stays open.")
@click.pass_obj
def open_command(options: Options, length: str) -> None:
    """Open the tunnel now, tell how to come in, and keep it open until the time is over.

    It tries once: within 20 seconds the tunnel stands, or this ends and says why. Ctrl-C closes it.

    \b
    Examples:
      backupjump tunnel open
      backupjump tunnel open --for 30m

    \b
    Exit codes: 0 the time is over, 1 refused (port taken, key, host key), 75 the JumpNode can't be
    reached or the link broke, 130/143 by a signal.
    """
    from backupjump.config.desktop import load_desktop
    from backupjump.config.find import find_config
    from backupjump.config.state import state_dir
    from backupjump.operations.tunnel import forwards_of, open_tunnel

    stays = _read_length(length)
    config = load_desktop(find_config(options.config), check_keys=True)
    forwards = forwards_of(config.tunnel)
    with open_tunnel(forwards, folder=state_dir(config.state_dir) / "tunnel") as standing:
        if not options.quiet:
            _invite(standing.forward, stays)
        code = _keep_open(standing, stays)
    if not options.quiet:
        why = "Stopped" if code else "The time is over"
        click.echo(f"{why}; port {standing.forward.port} is closed again.")
    raise click.exceptions.Exit(code)


def _keep_open(standing: TunnelChild, stays: timedelta) -> int:
    """Return the exit code; a signal is how an owner closes the tunnel, so no error is told of it."""
    try:
        standing.await_end(stays.total_seconds())
    except Stopped as stopped:
        return stopped.exit_code
    return 0


def _read_length(text: str) -> timedelta:
    from backupjump.config.times import read_duration

    try:
        return read_duration(text)
    except ValueError as error:
        raise UsageError(f"--for {text!r} {error}") from error


def _invite(forward: Forward, stays: timedelta) -> None:
    from backupjump.operations.tunnel import invitation, look_at_far_end

    far_end = look_at_far_end(forward)
    click.echo("\n".join(_invitation_lines(forward, invitation(forward, host_key=far_end.host_key, stays=stays))))
    if not far_end.answers:
        click.echo(
            f"warning: nothing answers on {forward.to_host}:{forward.to_port} here, so nobody can come in yet; "
            "is sshd running? try: systemctl status ssh",
            err=True,
        )


def _invitation_lines(forward: Forward, invited: Invitation) -> list[str]:
    from backupjump.config.times import write_duration

    return [
        f"The tunnel stands: port {forward.port} on JumpNode {forward.jump_node} leads to this machine.",
        "To log in here, someone who is on the JumpNode types:",
        f"  {invited.on_jump_node}",
        "and someone who goes through it, with a login of their own there:",
        f"  {invited.through_jump_node}",
        *([f"This machine's host key: {invited.host_key}"] if invited.host_key else []),
        f"It stays open for {write_duration(invited.stays)}; Ctrl-C closes it.",
    ]
