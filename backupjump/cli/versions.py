"""`backupjump versions`: every content that a file has had, and in which snapshots it is."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from backupjump.cli import render
from backupjump.cli.arguments import job_names

if TYPE_CHECKING:
    from backupjump.cli.options import Options
    from backupjump.operations.versions import Versions
    from backupjump.store.versions import Version

# Of `xxh128:` and the like and 32 digits, that many tell versions apart for a person.
_HASH_DIGITS = 8


@click.command(short_help="Every content that a file has had, and in which snapshots it is.")
@click.argument("job", shell_complete=job_names)
@click.argument("path")
@click.option("--json", "as_json", is_flag=True, help="One JSON array on stdout and nothing else.")
@click.pass_obj
def versions(options: Options, job: str, path: str, *, as_json: bool) -> None:
    """List each content that PATH, a full one on the Desktop, has had in the snapshots of JOB, and how to have it back.

    A content that comes back is the version that it was. Another owner, mode or time makes no new one. Of a
    folder, `backupjump ls` and `backupjump diff` tell.

    \b
    Examples:
      backupjump versions nightly /home/me/notes.txt
      backupjump versions nightly /home/me/notes.txt --json | jq -r '.[-2].last_seen'

    \b
    Exit codes: 0 listed, 2 no snapshot has PATH, or it was always a folder.
    """
    from backupjump.cli.when_slow import step_of_looking, when_slow
    from backupjump.operations.site import open_site
    from backupjump.operations.versions import version_json, versions_of

    with when_slow(job, options, step_of_looking, as_json=as_json) as on_progress:
        found = versions_of(open_site(options.config), job, path, on_progress=on_progress)
    if as_json:
        render.json_array(version_json(each) for each in found.versions)
    else:
        _show(found)
    for snapshot in found.untold:
        click.echo(f"{snapshot.id} can't tell: {snapshot.problem or 'it can not be read'}", err=True)


def _show(found: Versions) -> None:
    headers = ("first seen", "last seen", "in", "size", "modified", "hash", "")
    render.table(headers, [_row(found, each) for each in found.versions], right=("in", "size"))
    click.echo(f"in {render.number(len(found.snapshots))} snapshots; {_bring_back(found)}")


def _row(found: Versions, version: Version) -> tuple[str, ...]:
    from backupjump.run import mtime_at

    entry = version.entry
    return (
        version.first.id,
        version.last.id,
        render.number(len(version.snapshots)),
        render.size(entry.size) if entry.type == "file" else "",
        render.local_time(mtime_at(entry.mtime_ns)),
        entry.hash.rpartition(":")[2][:_HASH_DIGITS] if entry.hash is not None else "",
        "; ".join(_notes(found, version)),
    )


def _notes(found: Versions, version: Version) -> list[str]:
    from backupjump.escape import shown
    from backupjump.store.suspicion import covered

    notes = []
    if version.entry.type != "file":
        target = f" -> {shown(version.entry.target)}" if version.entry.target is not None else ""
        notes.append(f"a {version.entry.type}{target}")
    if version.gone_in:
        more = len(version.gone_in) - 1
        sources = [os.fsencode(source.lstrip("/")) for source in version.gone_in[-1].sources]
        how = "gone" if covered(found.path, sources) else "no longer backed up"
        notes.append(f"{how} in {version.gone_in[-1].id}" + (f" and {more} times before" if more else ""))
    if version.metadata_changed_in:
        notes.append(f"owner, mode or time changed in {version.metadata_changed_in[-1].id}")
    if version.only_doubtful:
        notes.append("only in suspect snapshots")
    if version.last is found.snapshots[-1]:
        notes.append("now")
    return notes


def _bring_back(found: Versions) -> str:
    wanted = found.wanted
    if wanted.entry.type == "dir":
        return "it is a folder now"
    what = "the version before" if len(found.versions) > 1 and not wanted.gone_in else "it"
    return f"to have {what} back:\n{found.restore_command(wanted)}"
