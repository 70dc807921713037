"""`backupjump init`: a commented config to be edited."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(short_help="Write a commented config to be edited, for the Server or a Desktop.")
@click.argument("kind", type=click.Choice(["server", "desktop"]))
@click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    metavar="DIR",
    help="Write there instead of the current folder; made when it is not there.",
)
def init(kind: str, folder: Path) -> None:
    """Write a commented config to be edited, for the Server or a Desktop. Never overwrites.

    What only you know is marked REPLACE ME; `backupjump config check` tells what is still to do.

    \b
    Examples:
      backupjump init server
      backupjump init desktop --dir ~/.config/backupjump

    \b
    Exit codes: 0 written, 2 a file is there already.
    """
    from backupjump.escape import shown
    from backupjump.operations.init import write_config

    written = [shown(str(path)) for path in write_config(kind, folder)]
    for path in written:
        click.echo(f"wrote {path}")
    named = "" if folder == Path() else f"--config {written[0]} "
    click.echo(f"next: fill in each REPLACE ME, then: backupjump {named}config check")
