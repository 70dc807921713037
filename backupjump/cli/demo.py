"""`backupjump demo`: see the whole of it work on this one machine."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(short_help="See it work on this one machine.")
@click.option(
    "--dir", "folder", type=click.Path(path_type=Path), metavar="DIR", help="Play here, in a new or empty folder."
)
@click.option("--keep", is_flag=True, help="Leave it running, and print the commands to go on with.")
def demo(folder: Path | None, *, keep: bool) -> None:
    """Play Desktop, JumpNode and Server on this machine, with real sshds on loopback.

    Opens the tunnel, pulls twice, shows what was transferred and what was linked, loses a file,
    restores it and compares. Nothing outside its folder is touched (as root, sshd's empty /run/sshd is
    made if it is missing), and every process it starts ends with it.

    \b
    Examples:
      backupjump demo
      backupjump demo --keep --dir /tmp/playground
    """
    from backupjump.demo.story import tell

    tell(folder, keep=keep)
