"""`backupjump snapshots`: what snapshots a job has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from backupjump.cli import render
from backupjump.cli.arguments import job_names

if TYPE_CHECKING:
    from backupjump.cli.options import Options
    from backupjump.store.retention import Decision
    from backupjump.store.snapshots import Snapshot


@click.command(short_help="The snapshots of a job.")
@click.argument("job", shell_complete=job_names)
@click.option("--json", "as_json", is_flag=True, help="One JSON array on stdout and nothing else.")
@click.pass_obj
def snapshots(options: Options, job: str, *, as_json: bool) -> None:
    """List the snapshots of JOB, newest last.

    `new` is what a snapshot added to the store; the rest of its size it shares with older ones. Why each
    one stays is told by `backupjump prune JOB --dry-run`.

    \b
    Examples:
      backupjump snapshots nightly
      backupjump snapshots nightly --json | jq -r '.[-1].id'
    """
    from backupjump.operations.listing import decided_snapshots_of, snapshot_json
    from backupjump.operations.site import open_site

    found = decided_snapshots_of(open_site(options.config), job)
    if as_json:
        render.json_array(snapshot_json(decision) for decision in found)
        return
    if not found:
        click.echo(f"{job} has no snapshot yet; the first comes with: backupjump run {job}")
        return
    headers = ("id", "taken", "status", "files", "size", "new", "held")
    columns = len(headers) if any(decision.held for decision in found) else len(headers) - 1
    render.table(headers[:columns], [_row(decision)[:columns] for decision in found], right=headers[3:6])
    for snapshot in (decision.snapshot for decision in found):
        if snapshot.problem:
            click.echo(f"{snapshot.id} is damaged: {snapshot.problem}", err=True)


def _row(decision: Decision) -> tuple[str, ...]:
    snapshot, held = decision.snapshot, "held" if decision.held else ""
    taken = render.local_time(snapshot.taken_at)
    if snapshot.problem:
        return (snapshot.id, taken, "damaged", "?", "?", "?", held)
    return (
        snapshot.id,
        taken,
        _status(snapshot),
        render.number(snapshot.files_total),
        render.size(snapshot.bytes_total),
        render.size(snapshot.bytes_new),
        held,
    )


def _status(snapshot: Snapshot) -> str:
    """Return the status as a person reads it: of a suspect one, what somebody has said since."""
    said = ", acked" if snapshot.acked else ", wrong" if snapshot.wrong else ""
    return snapshot.status.value + (said if snapshot.is_suspect else "")
