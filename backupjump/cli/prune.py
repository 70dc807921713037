"""`backupjump prune`, `hold` and `release`: what stays of a job's snapshots, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from backupjump.cli import render
from backupjump.cli.arguments import job_names, snapshot_ids

if TYPE_CHECKING:
    from backupjump.cli.options import Options
    from backupjump.cli.progress import Step
    from backupjump.operations.prune import PrunePlan
    from backupjump.operations.site import Site


@click.command(short_help="Delete the snapshots that the job's `keep` does not keep.")
@click.argument("job", shell_complete=job_names)
@click.option(
    "--dry-run", is_flag=True, help="Say what would go, what that frees, and why the rest stays; change nothing."
)
@click.option("--yes", is_flag=True, help="Also when a brake says that a person should look first.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array on stdout and nothing else.")
@click.pass_obj
def prune(options: Options, job: str, *, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Delete the snapshots of JOB that nothing keeps, and say of each other one why it stays.

    A good run of JOB does the same by itself. The newest good snapshot stays whatever `keep` says, so do
    held and damaged ones, and one that a restore or a verify reads. Without `keep` everything stays. More
    than a quarter of the good ones (and more than 3) go only with --yes, and so does anything when the
    clock looks wrong, a snapshot is suspect, or a verify found damage.

    \b
    Examples:
      backupjump prune nightly --dry-run
      backupjump prune nightly --yes
      backupjump prune nightly --dry-run --json | jq -r '.[] | select(.pruned) | .id'

    \b
    Exit codes: 0 done, 1 a brake is on and nothing was touched, 11 a run of JOB is under way.
    """
    from backupjump.cli.progress import step_of, watching
    from backupjump.operations import prune as operation
    from backupjump.operations.site import open_site

    site = open_site(options.config)
    plan = operation.plan_prune(site, job) if dry_run else operation.prune(site, job, yes=yes)
    _show(plan, dry_run=dry_run, as_json=as_json)
    if dry_run and plan.going and not as_json:
        click.echo(_freed(site, plan, options))
    if not dry_run:
        with watching([job], options, as_json=as_json) as watch:
            operation.reap(site, job, on_slow=step_of(watch, job, _step_of_deleting))


def _step_of_deleting(left: int) -> Step:
    from backupjump.cli.progress import Step

    told = f"{left} still to be deleted; this may be stopped, and the next run does not wait for it"
    return Step(told=told, about="pruning")


def _freed(site: Site, plan: PrunePlan, options: Options) -> str:
    """Return what the plan gives back: all that goes together, which is more than the sum of what each would."""
    from backupjump.cli.when_slow import step_of_weighing, when_slow
    from backupjump.operations.freed import freed_together

    with when_slow(plan.job, options, step_of_weighing) as on_progress:
        freed = freed_together(site, plan.job, plan.going, on_progress=on_progress)
    if freed.size_bytes is None:
        return "how much that frees can't be told here"
    return f"that frees {'at least ' if freed.at_least else ''}{render.size(freed.size_bytes)}"


def _show(plan: PrunePlan, *, dry_run: bool, as_json: bool) -> None:
    from backupjump.operations.listing import snapshot_json

    if as_json:
        render.json_array(snapshot_json(each) | {"pruned": each.goes} for each in reversed(plan.decisions))
        return
    if not plan.decisions:
        click.echo(f"{plan.job} has no snapshot yet; the first comes with: backupjump run {plan.job}")
        return
    goes = "would go" if dry_run else "gone"
    rows = [
        (each.snapshot.id, goes if each.goes else "stays", "; ".join(each.reasons)) for each in reversed(plan.decisions)
    ]
    render.table(("id", "", "why"), rows)
    staying = len(plan.decisions) - len(plan.going)
    click.echo(
        f"{len(plan.going)} of {len(plan.decisions)} snapshots {goes}, {staying} {'stays' if staying == 1 else 'stay'}"
    )
    if dry_run and plan.brake is not None:
        click.echo(f"a prune would stop here, without --yes: {plan.brake}", err=True)


@click.command(short_help="Keep a snapshot, whatever `keep` says.")
@click.argument("job", shell_complete=job_names)
@click.argument("snapshot", shell_complete=snapshot_ids)
@click.option("--until", metavar="TIME", help="For 90d, or until 2027-01-01 is over; without it for good.")
@click.option("--note", default="", metavar="TEXT", help="Why; shown beside it.")
@click.pass_obj
def hold(options: Options, job: str, snapshot: str, until: str | None, note: str) -> None:
    """Keep SNAPSHOT of JOB whatever `keep` says, until --until or `backupjump release`.

    SNAPSHOT is an id, the beginning of one, latest or latest~1. Holding it again replaces the older hold.

    \b
    Examples:
      backupjump hold nightly latest --until 90d
      backupjump hold nightly 2026-11-20 --note "before the move"
    """
    from backupjump.operations import prune as operation
    from backupjump.operations.site import open_site

    found, made = operation.hold(open_site(options.config), job, snapshot, until=until, note=note)
    click.echo(f"{found.id} is held" + (f" until {render.local_time(made.until)}" if made.until is not None else ""))


@click.command(short_help="Let `keep` decide about a held snapshot again.")
@click.argument("job", shell_complete=job_names)
@click.argument("snapshot", shell_complete=snapshot_ids)
@click.pass_obj
def release(options: Options, job: str, snapshot: str) -> None:
    """End the hold on SNAPSHOT of JOB; the next prune may delete it.

    \b
    Examples:
      backupjump release nightly 2026-11-20
      backupjump release nightly latest~1
    """
    from backupjump.operations import prune as operation
    from backupjump.operations.site import open_site

    found = operation.release(open_site(options.config), job, snapshot)
    click.echo(f"{found.id} is no longer held")
