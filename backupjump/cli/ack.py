"""`backupjump ack`: what a suspect run changed, and a person's word that it is right."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from backupjump.cli import render
from backupjump.cli.arguments import job_names

if TYPE_CHECKING:
    from backupjump.cli.options import Options
    from backupjump.operations.ack import Suspicion


@click.command(short_help="Look at what a suspect run changed, and say that it is right.")
@click.argument("job", shell_complete=job_names)
@click.option("--yes", is_flag=True, help="It is right; don't ask.")
@click.option("--wrong", is_flag=True, help="It is not right: these snapshots shall never count as good.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout and nothing else; asks nothing.")
@click.pass_obj
def ack(options: Options, job: str, *, yes: bool, wrong: bool, as_json: bool) -> None:
    """Show what the suspect snapshots of JOB changed, most-changed folders first, and ask whether that is right.

    A run that finds many files gone or changed is suspect: until this command nothing is pruned, and
    `latest` stays where it was. Afterwards the suspect snapshots count as good, and the next run is
    compared with them. If it is not right, put the Desktop in order, restore from `latest`, which is the
    last good one, and then say --wrong: runs stay compared with that one, and pruning goes on.

    \b
    Examples:
      backupjump ack nightly
      backupjump ack nightly --yes
      backupjump ack nightly --json | jq -r '.folders[].path'
      backupjump restore nightly --to /tmp/back && backupjump ack nightly --wrong

    \b
    Exit codes: 0 said, or there was nothing to say; 1 nobody said yes and nothing was changed,
    11 a run of JOB is under way.
    """
    from backupjump.errors import BackupjumpError, UsageError
    from backupjump.operations import ack as operation
    from backupjump.operations.site import open_site

    if yes and wrong:
        raise UsageError("--yes and --wrong exclude each other", hint="write one of them")
    site = open_site(options.config)
    suspicion = operation.suspicion_of(site, job)
    if suspicion is None:
        _nothing(job, as_json=as_json)
        return
    if not as_json:
        _show(suspicion)
    said = yes or wrong or (not as_json and _confirmed())
    acked = operation.ack(site, suspicion, right=not wrong) if said else ()
    if as_json:
        render.json_line({**suspicion.to_json(() if wrong else acked), "wrong": list(acked) if wrong else []})
    if not acked:
        raise BackupjumpError(
            "nothing was acked", hint=f"backupjump ack {job} --yes if what is shown is right, --wrong if it is not"
        )
    if not as_json:
        click.echo(_told(suspicion, acked, wrong=wrong))


def _nothing(job: str, *, as_json: bool) -> None:
    if as_json:
        render.json_line({"job": job, "awaiting": [], "acked": [], "wrong": []})
    else:
        click.echo(f"{job} has no suspect snapshot: there is nothing to ack")


def _told(suspicion: Suspicion, acked: tuple[str, ...], *, wrong: bool) -> str:
    if not wrong:
        return f"{', '.join(acked)}: acked; from now on they count as good, and prunes go on"
    measure = f"runs stay compared with {suspicion.good.id}" if suspicion.good is not None else "none is good yet"
    return f"{', '.join(acked)}: never to count as good; {measure}"


def _confirmed() -> bool:
    return sys.stdin.isatty() and click.confirm("Is that right?", default=False, err=True)


def _show(suspicion: Suspicion) -> None:
    from backupjump.escape import shown

    changes, newest = suspicion.changes, suspicion.awaiting[-1]
    since = (
        f"since {suspicion.good.id}, the good one before it" if suspicion.good is not None else "with none to compare"
    )
    click.echo(
        f"{newest.id} is suspect: {render.number(changes.changed)} files changed, "
        f"{render.number(changes.deleted)} deleted, {render.number(changes.new)} new {since}"
    )
    if len(suspicion.awaiting) > 1:
        click.echo(f"suspect before it, too: {', '.join(each.id for each in suspicion.awaiting[:-1])}")
    render.table(
        ("new", "changed", "deleted", "folder"),
        [
            (*map(render.number, (each.new, each.changed, each.deleted)), f"/{shown(each.path)}")
            for each in changes.folders
        ],
        right=("new", "changed", "deleted"),
    )
    for example in changes.examples:
        click.echo(f"{example.what}: /{shown(example.path)}")
