"""`backupjump rename`: the past of a job goes on under its new name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from backupjump.cli import render
from backupjump.cli.arguments import job_names

if TYPE_CHECKING:
    from backupjump.cli.options import Options


@click.command(short_help="Carry a job's snapshots over to its new name.")
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW", shell_complete=job_names)
@click.option("--dry-run", is_flag=True, help="Say what would move; change nothing.")
@click.pass_obj
def rename(options: Options, old: str, new: str, *, dry_run: bool) -> None:
    """Let the job NEW go on with the snapshots, runs and holds of OLD.

    Rename the job's file (or the Desktop in the config) first: NEW must be a job of the config that has
    no snapshot yet, OLD one that is in the store alone. For another Desktop write DESKTOP/JOB.

    \b
    Examples:
      mv jobs/daily.yaml jobs/nightly.yaml && backupjump rename daily nightly
      backupjump rename old-laptop/nightly nightly --dry-run

    \b
    Exit codes: 0 done, 1 the store can't, 2 usage or config, 11 a run, a restore or a verify is under way.
    """
    from backupjump.operations import rename as operation
    from backupjump.operations.site import open_site

    site = open_site(options.config)
    plan = operation.plan_rename(site, old, new) if dry_run else operation.rename(site, old, new)
    becomes = "would become" if dry_run else "is now"
    click.echo(
        f"{plan.old.desktop}/{plan.old.job} {becomes} {plan.new.desktop}/{plan.new.job}, "
        f"with {_count(plan.snapshots, 'snapshot')} and {_count(plan.runs, 'run')}"
    )


def _count(number: int, noun: str) -> str:
    return f"{render.number(number)} {noun}" + ("" if number == 1 else "s")
