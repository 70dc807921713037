"""`backupjump tunnel`: what a Desktop does so that the Server, or a person, can come in."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from backupjump import desktop_help

if TYPE_CHECKING:
    from backupjump.cli.options import Options


@click.group()
def tunnel() -> None:
    """On the Desktop: the reverse tunnel to the JumpNode, opened by hand or by the agent."""


@tunnel.command("open", help=desktop_help.TUNNEL_OPEN)
@click.option(
    "--for",
    "length",
    default=desktop_help.TUNNEL_OPEN_LENGTH,
    show_default=True,
    metavar="TIME",
    help=desktop_help.TUNNEL_OPEN_FOR,
)
@click.pass_obj
def open_command(options: Options, length: str) -> None:
    from backupjump.operations.tunnel_open import keep_tunnel_open

    warn = partial(click.echo, err=True)
    raise click.exceptions.Exit(
        keep_tunnel_open(options.config, length, quiet=options.quiet, say=click.echo, warn=warn)
    )


@tunnel.command("agent", help=desktop_help.TUNNEL_AGENT)
@click.pass_obj
def agent_command(options: Options) -> int:
    from backupjump.operations.agent.words import run_agent

    return run_agent(options.config)


@tunnel.command("status", help=desktop_help.TUNNEL_STATUS)
@click.pass_obj
def status_command(options: Options) -> int:
    from backupjump.operations.agent.words import status_lines

    lines, code = status_lines(options.config)
    click.echo("\n".join(lines))
    return code


@tunnel.command("pause", help=desktop_help.TUNNEL_PAUSE)
@click.argument("length", metavar="TIME")
@click.pass_obj
def pause_command(options: Options, length: str) -> None:
    from backupjump.operations.agent.words import pause

    click.echo(pause(options.config, length))


@tunnel.command("resume", help=desktop_help.TUNNEL_RESUME)
@click.pass_obj
def resume_command(options: Options) -> None:
    from backupjump.operations.agent.words import resume

    click.echo(resume(options.config))
