"""`backupjump run`: back up jobs now, with live progress on a terminal and silence under cron."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

import click

from backupjump.cli import render
from backupjump.cli.arguments import job_names

if TYPE_CHECKING:
    from backupjump.cli.options import Options
    from backupjump.rsync.preview import Preview
    from backupjump.run import Run


@click.command(short_help="Back up jobs now.")
@click.argument("jobs", nargs=-1, required=True, metavar="JOB...", shell_complete=job_names)
@click.option("--wait", metavar="TIME", help="Wait this long for the tunnel to open, such as 30m.")
@click.option("--if-due", is_flag=True, help="Pass over each JOB whose schedule says that it is not time yet.")
@click.option("--seed", is_flag=True, help="Start a new history, though another job has one of the same sources.")
@click.option("--dry-run", "-n", is_flag=True, help="Ask the Desktop what would be pulled; write nothing.")
@click.option("--json", "as_json", is_flag=True, help="One Run a line on stdout, as JSON, and nothing else.")
@click.pass_obj
def run(
    options: Options,
    jobs: tuple[str, ...],
    wait: str | None,
    *,
    if_due: bool,
    seed: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Pull each JOB from its Desktop into a new snapshot.

    Without a terminal, -v or --json it prints nothing for a good run, and nothing when the Desktop is
    away: cron mails what is printed.

    A JOB without a snapshot stops, with nothing made, when the store has another job of the same Desktop
    and sources: one that was renamed would start from nothing. `backupjump rename` carries its snapshots
    over; --seed starts a new history on purpose, and means nothing to a JOB that has begun.

    With --if-due a JOB runs only when its schedule says so: once after any absence, and after a failure
    not before an hour has passed, later and later. Let a timer call it each hour.

    \b
    Examples:
      backupjump run nightly
      backupjump run nightly --if-due --wait 30m
      backupjump run nightly photos --wait 30m
      backupjump run nightly --dry-run
      backupjump run photos --seed
      backupjump run nightly --json | jq .status

    \b
    Exit codes: 0 good or not due, 1 failed, 2 usage or config, 3 published with a warning, 4 published, but the
    part of the store that was read again is damaged, 5 suspect (see: backupjump ack), 11 another run
    holds the job, 75 try later; of several jobs the worst.
    """
    if dry_run:
        return _preview(options, jobs, seed=seed, as_json=as_json)
    return _pull(options, jobs, wait or "", if_due=if_due, seed=seed, as_json=as_json)


def _pull(options: Options, jobs: tuple[str, ...], wait: str, *, if_due: bool, seed: bool, as_json: bool) -> int:
    from backupjump.cli.progress import step_of, step_of_pull, watching
    from backupjump.operations.identity import refuse_a_new_history
    from backupjump.operations.prepare import prepare_later
    from backupjump.operations.site import open_site
    from backupjump.operations.telling.after_run import tell_site
    from backupjump.run import worst_exit_code
    from backupjump.tasks import context_for, pull

    site = open_site(options.config, check_keys=True)
    for job in [site.job(name) for name in jobs]:
        if not seed:
            refuse_a_new_history(site, job)  # like a wrong name, it ends the command before the first job moves
    if not (options.verbose or as_json or sys.stdout.isatty() or sys.stderr.isatty()):
        # Cron mails whatever is printed; under systemd the journal gets it all, since there -v holds.
        logging.getLogger("backupjump").setLevel(logging.ERROR)
    codes = []
    with watching(jobs, options, as_json=as_json) as watch:
        for name in jobs:
            on_progress = step_of(watch, name, step_of_pull)
            ended: Run = pull.body(
                context_for(site, on_progress=on_progress), name, wait=wait, seed=seed, if_due=if_due
            )
            with watch.end(name):
                _tell(ended, options, as_json=as_json)
            codes.append(ended.exit_code)
            prepare_later(site, ended)
            if ended.exit_code > 128:
                break  # a signal ends the command, not just this job
        else:
            if len(jobs) > 1:
                tell_site(site, hold=False)  # what one job's message left to be told with the others'
    return worst_exit_code(codes)


def _tell(ended: Run, options: Options, *, as_json: bool) -> None:
    from backupjump.operations.report import report_on

    if as_json:
        return render.json_line(ended.to_json())
    report = report_on(ended)
    if report.needs_telling or ((sys.stdout.isatty() or options.verbose) and not options.quiet):
        click.echo("\n".join(report.lines))
    return None


def _preview(options: Options, jobs: tuple[str, ...], *, seed: bool, as_json: bool) -> int:
    from backupjump.operations.preview import preview_job
    from backupjump.operations.under_way import Asked

    for name in jobs:
        base, preview = preview_job(name, Asked(config=options.config, seed=seed))
        if as_json:
            render.json_line(_preview_json(name, base, preview))
        else:
            _show_preview(name, base, preview)
    return 0


def _preview_json(name: str, base: str | None, preview: Preview) -> dict[str, Any]:
    from backupjump.escape import shown

    return {
        "job": name,
        "base": base,
        "entries_total": preview.files,
        "bytes_total": preview.bytes_total,
        "files_to_transfer": preview.files_to_transfer,
        "bytes_to_transfer": preview.bytes_to_transfer,
        "largest": [{"path": shown(path), "size": size} for path, size in preview.largest],
    }


def _show_preview(name: str, base: str | None, preview: Preview) -> None:
    from backupjump.escape import shown

    click.echo(
        f"{name}: a run would find {render.number(preview.files)} entries ({render.size(preview.bytes_total)}), "
        f"transfer {render.number(preview.files_to_transfer)} ({render.size(preview.bytes_to_transfer)} before deltas) "
        f"and link the rest to {base or 'nothing, since this is the first'}"
    )
    if preview.largest:
        click.echo("largest to transfer:")
        render.table(
            ("size", "path"),
            [(render.size(size), "/" + shown(path)) for path, size in preview.largest],
            right=("size",),
        )
