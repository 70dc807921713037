"""`backupjump snapshots` and `backupjump ls`: what there is to restore."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import click

from backupjump.cli import render
from backupjump.cli.arguments import job_names, snapshot_ids

if TYPE_CHECKING:
    from backupjump.cli.options import Options
    from backupjump.operations.listing import Listed
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


@click.command(short_help="What is in a snapshot.")
@click.argument("job", shell_complete=job_names)
@click.argument("path", default="/")
@click.option(
    "--snapshot",
    metavar="ID",
    shell_complete=snapshot_ids,
    help="An id, the beginning of one, latest (default) or latest~1.",
)
@click.option("--at", metavar="TIME", help="As things were 2d ago, or at the end of 2026-11-20.")
@click.option("--recursive", "-R", is_flag=True, help="All that is below PATH.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array on stdout and nothing else.")
@click.pass_obj
def ls(
    options: Options, job: str, path: str, snapshot: str | None, at: str | None, *, recursive: bool, as_json: bool
) -> None:
    """List what the folder PATH of the Desktop holds in a snapshot of JOB.

    \b
    Examples:
      backupjump ls nightly /home/me
      backupjump ls nightly /home/me/docs -R --at 2d
      backupjump ls nightly --json | jq -r '.[].path'
    """
    from backupjump.operations.listing import list_path
    from backupjump.operations.site import open_site

    lines = list_path(open_site(options.config), job, path, snapshot=snapshot, at=at, recursive=recursive)
    if as_json:
        render.json_array(line.to_json() for line in lines)
        return
    for line in lines:
        click.echo(_line(line, whole_path=recursive))


_KINDS = {
    "file": stat.S_IFREG,
    "dir": stat.S_IFDIR,
    "symlink": stat.S_IFLNK,
    "fifo": stat.S_IFIFO,
    "socket": stat.S_IFSOCK,
    "char": stat.S_IFCHR,
    "block": stat.S_IFBLK,
}


def _line(line: Listed, *, whole_path: bool) -> str:
    """Return a line as `ls -l` would show it; a listing can be long, so each is printed as it comes."""
    from backupjump.escape import shown

    name = shown(b"/" + line.path if whole_path else line.path.rpartition(b"/")[2])
    if line.entry is None:
        return f"{'d---------':10}  {'':>7}  {'':16}  {name}/"
    mode = stat.filemode(_KINDS[line.type] | line.entry.mode)
    size = render.size(line.entry.size) if line.type == "file" else ""
    after = "/" if line.type == "dir" else f" -> {shown(line.entry.target)}" if line.entry.target is not None else ""
    return f"{mode}  {size:>7}  {render.local_time(line.modified_at)}  {name}{after}"


def _status(snapshot: Snapshot) -> str:
    """Return the status as a person reads it: of a suspect one, what somebody has said since."""
    said = ", acked" if snapshot.acked else ", wrong" if snapshot.wrong else ""
    return snapshot.status.value + (said if snapshot.is_suspect else "")
