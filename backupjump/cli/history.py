"""`backupjump history`: what happened, in a line a run, or all that is known of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from backupjump.cli import render
from backupjump.cli.arguments import job_names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backupjump.cli.options import Options
    from backupjump.operations.site import Site
    from backupjump.operations.whole_run import WholeRun
    from backupjump.run import Run


@click.command(short_help="The runs of the past, newest last.")
@click.argument("job", required=False, shell_complete=job_names)
@click.argument("wanted", required=False, metavar="[RUN]")
@click.option("--limit", type=click.IntRange(min=1), default=30, show_default=True, help="The last so many runs.")
@click.option("--rebuild", is_flag=True, help="Make the database anew from what the store tells, and say so.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array on stdout and nothing else.")
@click.pass_obj
def history(options: Options, job: str | None, wanted: str | None, limit: int, *, rebuild: bool, as_json: bool) -> None:
    """List the runs of JOB, or of every job, newest last; those that published nothing too.

    With RUN, all that is known of one: its warnings and errors, and the paths that could not be read. RUN is
    `last`, the id of its snapshot or of the run itself, or the beginning of one.

    The history is a database beside the state, and derived: the runs.jsonl and meta.json files in the
    store are the truth. A damaged one is replaced by itself; --rebuild does it on purpose and sets the
    old one aside. Runs that found their job locked, or no store, stand in the old one alone.

    \b
    Examples:
      backupjump history
      backupjump history nightly --limit 100
      backupjump history nightly last
      backupjump history nightly 2026-11-22T02-30
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
    if job is not None and wanted is not None:
        _show_whole(site, job, wanted, as_json=as_json)
        return
    found = runs_of(site, job, limit=limit)
    if as_json:
        render.json_array(run.to_json() for run in found)
        return
    if not found:
        click.echo("no run yet")
        return
    ways = {_way(run) for run in found if run.jump_node is not None or run.route == "direct"}
    headers = (
        "started",
        "job",
        "status",
        *(("by",) if len(ways) > 1 else ()),
        "took",
        "files",
        "new",
        "changed",
        "deleted",
        "received",
        "snapshot or reason",
    )
    rows = [_run_row(run, told_way=len(ways) > 1) for run in found]
    render.table(headers, rows, right=headers[-7:-1])


def _rebuild(site: Site) -> None:
    from backupjump.operations.listing import rebuild_history

    runs, aside = rebuild_history(site)
    before = f"; the one of before is {aside}" if aside is not None else ""
    click.echo(f"the history is made anew: {render.number(runs)} run{'' if runs == 1 else 's'}{before}")


def _way(run: Run) -> str:
    return run.jump_node or run.route


def _run_row(run: Run, *, told_way: bool) -> tuple[str, ...]:
    counts = (run.files_total, run.files_new, run.files_changed, run.files_deleted)
    reason = run.error.message.partition("\n")[0] if run.error is not None else ""
    return (
        render.local_time(run.started_at),
        run.job,
        run.status.value,
        *((_way(run) if run.attempts else "",) if told_way else ()),
        str(run.ended_at - run.started_at),
        *(render.number(count) if run.snapshot is not None else "" for count in counts),
        render.size(run.bytes_received),
        run.snapshot or reason,
    )


def _show_whole(site: Site, job: str, wanted: str, *, as_json: bool) -> None:
    from backupjump.operations.whole_run import whole_run

    whole = whole_run(site, job, wanted)
    if as_json:
        render.json_line(whole.to_json())
        return
    for line in _whole_lines(whole):
        click.echo(line)


def _whole_lines(whole: WholeRun) -> Iterator[str]:
    from backupjump.escape import shown

    run = whole.run
    yield f"run       {run.run_id} of {run.job}"
    yield f"status    {run.status.value} (exit {run.exit_code})"
    yield f"started   {render.local_time(run.started_at)}, took {run.ended_at - run.started_at}"
    yield f"desktop   {run.desktop} by {run.route}; tries of the transfer: {run.attempts}"
    yield f"received  {render.size(run.bytes_received)}"
    if whole.compared:
        yield f"compared  {shown(whole.compared, limit=300)}"
    if run.snapshot is not None:
        yield f"snapshot  {run.snapshot}{'' if whole.is_there else ', which is no longer there'}"
        yield (
            f"files     {render.number(run.files_total)} ({render.size(run.bytes_total)}): "
            f"{render.number(run.files_new)} new, {render.number(run.files_changed)} changed, "
            f"{render.number(run.files_deleted)} deleted, {render.number(run.files_linked)} linked; "
            f"{render.size(run.bytes_new)} new, {render.size(run.bytes_linked)} shared"
        )
    if run.error is not None:
        yield f"error     {run.error.code}"
        yield from (f"  {line}" for line in run.error.message.splitlines())
        if run.error.hint:
            yield f"  hint: {run.error.hint}"
    if run.warnings:
        yield "warnings"
        yield from (f"  {warning}" for warning in run.warnings)
    for group in whole.paths:
        more = group.count - len(group.paths)
        yield f"{group.what} ({render.number(group.count)})"
        yield from (f"  {shown(path)}" for path in group.paths)
        if more > 0:
            yield f"  and {render.number(more)} more, of which nothing is kept"
