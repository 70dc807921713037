"""`backupjump history` and `backupjump status`: what happened, and how each job stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from backupjump.cli import render
from backupjump.cli.arguments import job_names

if TYPE_CHECKING:
    from backupjump.cli.options import Options
    from backupjump.operations.job_state import JobState
    from backupjump.operations.site import Site
    from backupjump.run import Run


@click.command(short_help="The runs of the past, newest last.")
@click.argument("job", required=False, shell_complete=job_names)
@click.option("--limit", type=click.IntRange(min=1), default=30, show_default=True, help="The last so many runs.")
@click.option("--rebuild", is_flag=True, help="Make the database anew from what the store tells, and say so.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array on stdout and nothing else.")
@click.pass_obj
def history(options: Options, job: str | None, limit: int, *, rebuild: bool, as_json: bool) -> None:
    """List the runs of JOB, or of every job, newest last; those that published nothing too.

    The history is a database beside the state, and derived: the runs.jsonl and meta.json files in the
    store are the truth. A damaged one is replaced by itself; --rebuild does it on purpose and sets the
    old one aside. Runs that found their job locked, or no store, stand in the old one alone.

    \b
    Examples:
      backupjump history
      backupjump history nightly --limit 100
      backupjump history nightly --json | jq '.[-1].warnings'
      backupjump history --rebuild
    """
    from backupjump.operations.listing import runs_of
    from backupjump.operations.site import open_site

    site = open_site(options.config)
    if rebuild:
        if job is not None or as_json:
            raise click.UsageError("--rebuild stands alone: it is for the runs of all jobs")
        _rebuild(site)
        return
    found = runs_of(site, job, limit=limit)
    if as_json:
        render.json_array(run.to_json() for run in found)
        return
    if not found:
        click.echo("no run yet")
        return
    headers = (
        "started",
        "job",
        "status",
        "took",
        "files",
        "new",
        "changed",
        "deleted",
        "received",
        "snapshot or reason",
    )
    render.table(headers, [_run_row(run) for run in found], right=headers[3:9])


def _rebuild(site: Site) -> None:
    from backupjump.operations.listing import rebuild_history

    runs, aside = rebuild_history(site)
    before = f"; the one of before is {aside}" if aside is not None else ""
    click.echo(f"the history is made anew: {render.number(runs)} run{'' if runs == 1 else 's'}{before}")


def _run_row(run: Run) -> tuple[str, ...]:
    counts = (run.files_total, run.files_new, run.files_changed, run.files_deleted)
    reason = run.error.message.partition("\n")[0] if run.error is not None else ""
    return (
        render.local_time(run.started_at),
        run.job,
        run.status.value,
        str(run.ended_at - run.started_at),
        *(render.number(count) if run.snapshot is not None else "" for count in counts),
        render.size(run.bytes_received),
        run.snapshot or reason,
    )


@click.command(short_help="How each job stands, and what needs a person.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array on stdout and nothing else.")
@click.pass_obj
def status(options: Options, *, as_json: bool) -> int:
    """Show of each job how it stands: the first that fits of suspect, broken, late, deferred, away, good.

    \b
    suspect   a snapshot looks wrong
    broken    the last run failed
    late      the last good snapshot is older than max_age (by default 3 times its cadence), or there is none
    deferred  put off by the desktop's owner
    away      the desktop was not reached the last time, or the link broke
    good      nothing to do

    Of a desktop that is away it tells when it was last seen and, where it comes at regular hours, when it is
    expected; of a first backup that takes many nights, how far it is.

    \b
    Examples:
      backupjump status
      backupjump status --json | jq -r '.[] | select(.state != "good") | .help'

    \b
    Exit codes: 0 no job needs a person, 1 one is suspect, broken or late.
    """
    from backupjump.operations.listing import job_states
    from backupjump.operations.site import open_site

    found = job_states(open_site(options.config))
    if as_json:
        render.json_array(each.to_json() for each in found)
    elif found:
        headers = ("job", "state", "last good", "next due", "last run", "size", "what to do")
        render.table(headers, [_state_row(each) for each in found], right=("size",))
    else:
        click.echo("the config has no job: add one to the folder jobs beside it")
    return 1 if any(each.state.needs_person for each in found) else 0


def _state_row(each: JobState) -> tuple[str, ...]:
    return (
        each.job,
        each.state.value,
        render.local_time(each.last_good_at),
        render.local_time(each.next_due_at),
        each.last_status.value if each.last_status is not None else "none",
        render.size(each.size_bytes) if each.size_bytes is not None else "",
        each.help,
    )
