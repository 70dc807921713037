"""`backupjump prepare`: the next run's tree, made ahead."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from backupjump.cli.arguments import job_names

if TYPE_CHECKING:
    from backupjump.cli.options import Options


@click.command(short_help="Make the next run's tree of links ahead of it.")
@click.argument("job", shell_complete=job_names)
@click.pass_obj
def prepare(options: Options, job: str) -> None:
    """Make the tree of hard links that the next run of JOB will change into its snapshot, so that it need not.

    A run of a large job starts this by itself when it is over, as does a unit of its own under systemd; it is
    never needed. What is made is no snapshot and takes only the room of its folders. A run that begins meanwhile
    does without. With `prepare: never` in the job nothing is made.

    \b
    Examples:
      backupjump prepare nightly
      nice -n 19 backupjump prepare nightly

    \b
    Exit codes: 0 ready, or nothing to make; 1 failed; 11 another process is at it.
    """
    from backupjump.operations.prepare import prepare as operation
    from backupjump.operations.site import open_site

    said = operation(open_site(options.config), job)
    if not options.quiet:
        click.echo(said)
