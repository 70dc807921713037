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
    """On the Desktop: open the reverse tunnel to the JumpNode."""


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
