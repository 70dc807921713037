"""`backupjump serve`: the scheduler on the Server, in the foreground."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from backupjump.cli.options import Options


@click.command(short_help="Run each job when it is due and its Desktop is there.")
@click.pass_obj
def serve(options: Options) -> None:
    """Run each job when it is due and its Desktop is there, until a signal ends this.

    A job starts within seconds of its Desktop's tunnel coming up, once after any absence; at most
    `max_parallel` at once. Each run is a process of its own. HUP lets it read the config anew, TERM ends
    it and its runs in order; what they have got serves the next ones. Let systemd start it.

    \b
    Examples:
      backupjump serve
      backupjump -q serve                             say nothing but errors

    \b
    Exit codes: 1 no store, 2 usage or config, 130/143 by a signal.
    """
    from backupjump.operations.serve.serve import serve as operation

    if not options.quiet:
        ours = logging.getLogger("backupjump")
        ours.setLevel(min(ours.level, logging.INFO))
    operation(options.config)
