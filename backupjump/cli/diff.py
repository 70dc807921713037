"""`backupjump diff`: what is another one in a snapshot than in another."""

from __future__ import annotations

import stat
from contextlib import ExitStack
from itertools import islice
from typing import TYPE_CHECKING

import click

from backupjump.cli import render
from backupjump.cli.arguments import job_names, snapshot_ids
from backupjump.operations.report import KINDS, changes_told, grown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backupjump.cli.options import Options
    from backupjump.operations.diff import Diff
    from backupjump.store.changes import Change
    from backupjump.store.folder_changes import Changes, FolderChanges
    from backupjump.store.manifest import Entry

_MOST_LINES = 50


@click.command(short_help="What differs between two snapshots.")
@click.argument("job", shell_complete=job_names)
@click.argument("a", shell_complete=snapshot_ids)
@click.argument("b", shell_complete=snapshot_ids)
@click.argument("path", default="/")
@click.option("--all", "every", is_flag=True, help=f"Each path that differs; without it {_MOST_LINES} at most.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array of all paths on stdout and nothing else.")
@click.pass_obj
def diff(options: Options, job: str, a: str, b: str, path: str, *, every: bool, as_json: bool) -> None:
    """Tell what B has that A has not, and the other way round: first the folders with the most of it, then the paths.

    A and B are snapshots of JOB: an id, the beginning of one, latest or latest~1. With PATH, only what is at
    and below it. `changed` is another content, `metadata` the same one with another owner, mode or time, `moved`
    the same one under another name, `type` a file that became a folder and the like.

    \b
    Examples:
      backupjump diff nightly latest~1 latest
      backupjump diff nightly 2026-11-20 latest /home/me/docs --all
      backupjump diff nightly latest~1 latest --json | jq -r '.[] | select(.what == "deleted") | .path'

    \b
    Exit codes: 0 whether or not something differs, 1 a manifest is damaged, 2 no such snapshot or path.
    """
    from backupjump.cli.when_slow import step_of_comparing, when_slow
    from backupjump.operations.diff import change_json, compared
    from backupjump.operations.site import open_site

    with ExitStack() as reading:
        on_progress = reading.enter_context(when_slow(job, options, step_of_comparing, as_json=as_json))
        with compared(open_site(options.config), job, a, b, path, on_progress=on_progress) as found:
            if as_json:
                render.json_array(change_json(each) for each in found.changes())
                return
            summary = found.summary()
            reading.close()  # what is shown of the work makes way for what came of it
            _show(found, summary, every=every)


def _show(found: Diff, summary: Changes, *, every: bool) -> None:
    from backupjump.escape import shown

    where = f" in /{shown(found.path)}" if found.path else ""
    span = f"{found.before.id} -> {found.after.id}{where}"
    click.echo(f"{span}: {changes_told(summary)}")
    if not summary.total:
        return
    _show_folders(summary)
    click.echo()
    for change in islice(found.changes(), None if every else _MOST_LINES):
        click.echo(_line(change))
    if not every and summary.total > _MOST_LINES:
        click.echo(f"and {render.number(summary.total - _MOST_LINES)} more: --all shows them")
    if found.moves.is_partial:
        click.echo("so much is new or deleted that not all of what only moved could be told", err=True)


def _show_folders(summary: Changes) -> None:
    from backupjump.escape import shown

    kinds = [kind for kind in KINDS if getattr(summary, kind)]

    def row(each: FolderChanges) -> tuple[str, ...]:
        counts = (render.number(getattr(each, kind)) for kind in kinds)
        return (*counts, grown(each.grown_bytes), f"/{shown(each.path)}")

    render.table((*kinds, "size", "folder"), map(row, summary.folders), right=(*kinds, "size"))


def _line(change: Change) -> str:
    from backupjump.escape import shown

    return f"{change.what:8}  /{shown(change.path)}{_details(change)}".rstrip()


def _details(change: Change) -> str:
    from backupjump.escape import shown

    now, before = change.now, change.before
    if now is None or before is None:
        there = now or before
        return "/" if there is not None and there.type == "dir" else f"  {_size(there)}"
    if change.what == "moved":
        return f"  was /{shown(before.path)}"
    if change.what == "type":
        return f"  {before.type} -> {now.type}"
    if change.what == "metadata":
        return f"  {', '.join(_metadata(now, before))}"
    return f"  {_size(before)} -> {_size(now)}" if now.target is None else f"  -> {shown(now.target)}"


def _metadata(now: Entry, before: Entry) -> Iterator[str]:
    if now.mode != before.mode:
        yield f"{_mode(before)} -> {_mode(now)}"
    if (now.uid, now.gid) != (before.uid, before.gid):
        yield f"owner {before.uid}:{before.gid} -> {now.uid}:{now.gid}"
    if now.xattrs != before.xattrs:
        yield "attributes"
    if now.mtime_ns != before.mtime_ns and now.type != "dir":
        yield "time"


def _mode(entry: Entry) -> str:
    return stat.filemode(entry.mode)[1:]


def _size(entry: Entry | None) -> str:
    return render.size(entry.size) if entry is not None and entry.type == "file" else ""
