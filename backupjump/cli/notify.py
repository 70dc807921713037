"""`backupjump notify`: does a message get through."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from backupjump.cli.options import Options


@click.group(short_help="Try the channels that tell you when something is wrong.")
def notify() -> None:
    """Try the channels that tell you when something is wrong: `notify` in the config.

    \b
    Examples:
      backupjump notify test
    """


@notify.command(short_help="Send a trial message by each channel.")
@click.option("--channel", metavar="WHICH", help="Only this one: its number in the config, or a part of its name.")
@click.pass_obj
def test(options: Options, channel: str | None) -> int:
    """Send a trial message by each channel of the config, and say of each what came of it.

    What a mail server or a service has taken can still be lost on its way: look whether it has come.

    \b
    Examples:
      backupjump notify test
      backupjump notify test --channel email
      backupjump notify test --channel 2

    \b
    Exit codes: 0 all were taken, 1 one was not, 2 usage or config.
    """
    from backupjump.operations.site import open_site
    from backupjump.operations.telling.trial import try_channels

    came = try_channels(open_site(options.config), channel)
    for label, why in came.items():
        click.echo(f"{label}: {f'FAILED: {why}' if why else 'sent; look whether it has come'}")
    if any(came.values()):
        click.echo("mend `notify` in the config, or what it names, then again: backupjump notify test", err=True)
        return 1
    return 0
