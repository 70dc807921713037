"""`backupjump restore`: bring files back into a folder of this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from backupjump.cli import render
from backupjump.cli.arguments import job_names, snapshot_ids

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backupjump.cli.options import Options
    from backupjump.operations.restore.job import Restored
    from backupjump.operations.restore.plan import RestorePlan


@click.command(short_help="Bring files back from a snapshot.")
@click.argument("job", shell_complete=job_names)
@click.argument("paths", nargs=-1, metavar="[PATH...]")
@click.option("--to", "target", required=True, metavar="DIR", help="The folder to restore below; made if need be.")
@click.option(
    "--snapshot",
    metavar="ID",
    shell_complete=snapshot_ids,
    help="An id, the beginning of one, latest (default) or latest~1.",
)
@click.option("--at", metavar="TIME", help="As things were 2d ago, or at the end of 2026-11-20.")
@click.option(
    "--mode",
    type=click.Choice(["new-only", "keep-old", "exact"]),
    default="new-only",
    show_default=True,
    help="What may happen to what is already there.",
)
@click.option("--dry-run", "-n", is_flag=True, help="Say what would be written, replaced and deleted; write nothing.")
@click.option("--yes", is_flag=True, help="With --mode exact: yes, replace and delete what is shown.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout and nothing else.")
@click.pass_obj
def restore(
    options: Options,
    job: str,
    paths: tuple[str, ...],
    target: str,
    snapshot: str | None,
    at: str | None,
    mode: str,
    *,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Bring each PATH (a full one on the Desktop; without any, everything) from a snapshot of JOB to DIR/PATH.

    \b
    new-only  writes only what is absent, and touches nothing else
    keep-old  replaces what differs; the old one stays beside as NAME.before-ID
    exact     replaces what differs, and deletes what the snapshot does not have in the restored folders

    \b
    Examples:
      backupjump restore nightly --to /tmp/back
      backupjump restore nightly /home/me/notes.txt --to /tmp/back --at 2d
      backupjump restore nightly /home/me/docs --to / --mode keep-old --dry-run

    \b
    Exit codes: 0 restored, 1 refused or not complete, 2 usage, config, or exact without --yes.
    """
    from backupjump.cli.progress import step_of, step_of_copy, watching
    from backupjump.errors import UsageError
    from backupjump.operations.restore.decisions import Mode
    from backupjump.operations.restore.job import plan_job_restore
    from backupjump.operations.restore.job import restore as carry_out
    from backupjump.operations.site import open_site

    plan = plan_job_restore(
        open_site(options.config), job, paths, target=_local(target), mode=Mode(mode), snapshot=snapshot, at=at
    )
    unconfirmed = plan.destroys and not yes
    if plan.snapshot.damaged:
        click.echo(
            f"a verify found {render.number(plan.snapshot.damaged)} of the paths in {plan.snapshot.id} damaged; "
            f"see which, and put them right: backupjump verify {job} --all --heal",
            err=True,
        )
    if dry_run or unconfirmed:
        _show(plan, as_json=as_json)
    if unconfirmed and not dry_run:
        raise UsageError("nothing was written: what is shown would be lost", hint="if it may be, add --yes")
    if not dry_run:
        with watching([job], options, as_json=as_json) as watch:
            done = carry_out(plan, on_progress=step_of(watch, job, step_of_copy))
        _tell(plan, done, options, as_json=as_json)


def _local(target: str) -> Path:
    from backupjump.errors import UsageError

    if target.startswith("desktop:"):
        raise UsageError("restoring onto the Desktop is not possible", hint="name a folder of this machine after --to")
    if not target:
        # Path("") is the current folder, which nobody means who writes --to "$UNSET".
        raise UsageError("--to is empty", hint="name the folder to restore below; --to . is this one")
    return Path(target)


def _show(plan: RestorePlan, *, as_json: bool) -> None:
    """Print what the plan would do: `+` written, `~` replaced, `-` deleted."""
    if as_json:
        render.json_line({**_names(plan), "dry_run": True, **_counts(plan)})
        return
    for line in _plan_lines(plan):
        click.echo(line)
    click.echo(
        f"would restore {_files(plan.files)} ({render.size(plan.size_bytes)}) from {plan.snapshot.id}"
        f" into {plan.target}; replaced: {len(plan.replace)}, deleted: {plan.files_deleted}, left as found: {plan.kept}"
    )


def _plan_lines(plan: RestorePlan) -> Iterator[str]:
    from backupjump.escape import shown

    for entry in plan.write:
        sign = "~" if entry.path in plan.replace else "+"
        yield f"{sign} /{shown(entry.path)}{'/' if entry.type == 'dir' else ''}"
    for extra in plan.delete:
        yield f"- /{shown(extra.path)} (files: {extra.files}, {render.size(extra.size_bytes)})"


def _tell(plan: RestorePlan, done: Restored, options: Options, *, as_json: bool) -> None:
    if as_json:
        return render.json_line({**_names(plan), "dry_run": False, **_counts(plan)})
    if options.quiet:
        return None
    said = [
        f"restored {_files(done.files)} ({render.size(done.size_bytes)}) from {plan.snapshot.id} into {plan.target}"
    ]
    if done.replaced:
        beside = "" if plan.mode == "exact" else f", the old ones are beside as NAME.before-{plan.snapshot.id}"
        said.append(f"replaced {render.number(done.replaced)}{beside}")
    if done.deleted:
        said.append(f"deleted {render.number(done.deleted)}")
    if done.kept:
        said.append(f"left {_files(done.kept)} as found (--mode keep-old replaces what differs)")
    if done.skipped:
        said.append(f"left out {render.number(done.skipped)} devices, which only root can make")
    return click.echo("; ".join(said))


def _names(plan: RestorePlan) -> dict[str, Any]:
    return {"job": plan.snapshot.job, "snapshot": plan.snapshot.id, "to": str(plan.target), "mode": plan.mode.value}


def _counts(plan: RestorePlan) -> dict[str, int]:
    return {
        "files": plan.files,
        "bytes": plan.size_bytes,
        "replaced": len(plan.replace),
        "deleted": plan.files_deleted,
        "kept": plan.kept,
        "skipped": plan.skipped,
    }


def _files(count: int) -> str:
    return f"{render.number(count)} file{'' if count == 1 else 's'}"
