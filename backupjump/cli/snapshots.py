"""`backupjump snapshots`: what snapshots a job has."""

from __future__ import annotations

from itertools import compress
from typing import TYPE_CHECKING

import click

from backupjump.cli import render
from backupjump.cli.arguments import job_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backupjump.cli.options import Options
    from backupjump.operations.site import Site
    from backupjump.store.freed import Freed
    from backupjump.store.retention import Decision
    from backupjump.store.snapshots import Snapshot


@click.command(short_help="The snapshots of a job.")
@click.argument("job", shell_complete=job_names)
@click.option("--freed", "with_freed", is_flag=True, help="Also what deleting each one alone would give back.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array on stdout and nothing else.")
@click.pass_obj
def snapshots(options: Options, job: str, *, with_freed: bool, as_json: bool) -> None:
    """List the snapshots of JOB, newest last.

    `new` is what a snapshot added to the store; the rest of its size it shares with older ones. `freed` is
    what it shares with no other one now, so what its deletion gives back; two that share a file with each
    other alone give more together. Why each one stays, and what all that goes gives back, is told by
    `backupjump prune JOB --dry-run`.

    \b
    Examples:
      backupjump snapshots nightly
      backupjump snapshots nightly --freed
      backupjump snapshots nightly --json | jq -r '.[-1].id'
    """
    from backupjump.operations.listing import decided_snapshots_of, snapshot_json
    from backupjump.operations.site import open_site

    site = open_site(options.config)
    found = decided_snapshots_of(site, job)
    freed = _freed(site, job, options, as_json=as_json) if with_freed else None
    if as_json:
        render.json_array(snapshot_json(decision) | _freed_json(decision, freed) for decision in found)
        return
    if not found:
        click.echo(f"{job} has no snapshot yet; the first comes with: backupjump run {job}")
        return
    columns = {"id": True, "taken": True, "status": True, "files": True, "size": True, "new": True}
    columns |= {"freed": with_freed, "held": any(decision.held for decision in found)}
    shown = [name for name, is_shown in columns.items() if is_shown]
    rows = [compress(_row(decision, freed), columns.values()) for decision in found]
    render.table(shown, map(tuple, rows), right=("files", "size", "new", "freed"))
    for snapshot in (decision.snapshot for decision in found):
        if snapshot.problem:
            click.echo(f"{snapshot.id} is damaged: {snapshot.problem}", err=True)


def _row(decision: Decision, freed: Mapping[str, Freed] | None) -> tuple[str, ...]:
    snapshot, held = decision.snapshot, "held" if decision.held else ""
    taken = render.local_time(snapshot.taken_at)
    if snapshot.problem:
        return (snapshot.id, taken, "damaged", "?", "?", "?", "?", held)
    size = freed[snapshot.id].size_bytes if freed is not None and snapshot.id in freed else None
    return (
        snapshot.id,
        taken,
        _status(snapshot),
        render.number(snapshot.files_total),
        render.size(snapshot.bytes_total),
        render.size(snapshot.bytes_new),
        render.size(size) if size is not None else "?",
        held,
    )


def _freed(site: Site, job: str, options: Options, *, as_json: bool) -> Mapping[str, Freed]:
    from backupjump.cli.when_slow import step_of_weighing, when_slow
    from backupjump.operations.freed import freed_alone

    with when_slow(job, options, step_of_weighing, as_json=as_json) as on_progress:
        return freed_alone(site, job, on_progress=on_progress)


def _freed_json(decision: Decision, freed: Mapping[str, Freed] | None) -> dict[str, int | None]:
    if freed is None:
        return {}
    found = freed.get(decision.snapshot.id)
    return {"bytes_freed": found.size_bytes if found is not None else None}


def _status(snapshot: Snapshot) -> str:
    """Return the status as a person reads it: of a suspect one, what somebody has said since."""
    said = ", acked" if snapshot.acked else ", wrong" if snapshot.wrong else ""
    return snapshot.word + (said if snapshot.is_suspect else "")
