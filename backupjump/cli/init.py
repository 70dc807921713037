"""`backupjump init`: a commented config to be edited."""

from __future__ import annotations

from pathlib import Path

import click

from backupjump import desktop_help


@click.command(help=desktop_help.INIT)
@click.argument("kind", type=click.Choice(["server", "desktop"]))
@click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    metavar="DIR",
    help=desktop_help.INIT_DIR,
)
def init(kind: str, folder: Path) -> None:
    from backupjump.operations.init import lines_on, write_config

    for line in lines_on(write_config(kind, folder), folder):
        click.echo(line)
