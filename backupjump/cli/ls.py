"""`backupjump ls`: what is in a snapshot, with sizes."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Any

import click

from backupjump.cli import render
from backupjump.cli.arguments import job_names, snapshot_ids

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from backupjump.cli.options import Options
    from backupjump.operations.ls import Listed


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
@click.option("--recursive", "-R", is_flag=True, help="All that is below PATH; folders come without their sizes.")
@click.option(
    "--sort",
    type=click.Choice(["name", "size", "time"]),
    default="name",
    show_default=True,
    help="What comes first: the first name, the largest, the youngest. With -R a million names take 0.7 GB of memory.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON array on stdout and nothing else.")
@click.pass_obj
def ls(
    options: Options,
    job: str,
    path: str,
    snapshot: str | None,
    at: str | None,
    *,
    recursive: bool,
    sort: str,
    as_json: bool,
) -> None:
    """List what the folder PATH of the Desktop holds in a snapshot of JOB: mode, size, time and name.

    The size of a folder is that of all files below it, each name counted.

    \b
    Examples:
      backupjump ls nightly /home/me --sort size
      backupjump ls nightly /home/me/docs -R --at 2d
      backupjump ls nightly --json | jq -r '.[].path'
    """
    from backupjump.operations.ls import list_path
    from backupjump.operations.site import open_site

    lines: Iterable[Listed] = list_path(
        open_site(options.config), job, path, snapshot=snapshot, at=at, recursive=recursive
    )
    if sort != "name":
        lines = sorted(lines, key=_SORTED_BY[sort], reverse=True)
    if as_json:
        render.json_array(line.to_json() for line in lines)
        return
    for line in lines:
        click.echo(_line(line, whole_path=recursive))


_SORTED_BY: Mapping[str, Callable[[Listed], Any]] = {
    "size": lambda line: line.weight_bytes,
    "time": lambda line: line.entry.mtime_ns if line.entry is not None else 0,
}
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
    size = render.size(line.weight_bytes) if line.type == "file" or line.bytes_total is not None else ""
    if line.entry is None:
        return f"{'d---------':10}  {size:>7}  {'':16}  {name}/"
    mode = stat.filemode(_KINDS[line.type] | line.entry.mode)
    after = "/" if line.type == "dir" else f" -> {shown(line.entry.target)}" if line.entry.target is not None else ""
    return f"{mode}  {size:>7}  {render.local_time(line.modified_at)}  {name}{after}"
