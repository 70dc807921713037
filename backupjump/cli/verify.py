"""`backupjump verify`: re-read what the store holds, and heal what is damaged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from backupjump.cli import render
from backupjump.cli.arguments import job_names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backupjump.cli.options import Options
    from backupjump.operations.verify.heal import Outcome
    from backupjump.operations.verify.wish import Verified

_MOST_LINES = 100


@click.command(short_help="Re-read what the store holds, and heal what is damaged.")
@click.argument("job", shell_complete=job_names)
@click.option("--all", "every", is_flag=True, help="Every snapshot; what they share is read once.")
@click.option("--sample", metavar="SHARE", help="So much of all content, such as 5%, the longest unread first.")
@click.option("--against-source", is_flag=True, help="Also compare the Desktop's files with the newest good snapshot.")
@click.option("--heal", is_flag=True, help="Put right what can be: from another snapshot, else from the Desktop.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout and nothing else.")
@click.pass_context
def verify(
    context: click.Context,
    job: str,
    *,
    every: bool,
    sample: str | None,
    against_source: bool,
    heal: bool,
    as_json: bool,
) -> None:
    """Compare the newest snapshot of JOB, content and metadata, with what was backed up, read from the disk anew.

    Damage is named with every snapshot that holds the damaged file. Of each snapshot the manifest is
    checked. At the end a few files are restored to see that a restore works. What is found here is rot and
    mistakes, not tampering: who can write a snapshot can write its manifest.

    \b
    Examples:
      backupjump verify nightly
      backupjump verify nightly --all --heal
      backupjump verify nightly --sample 5% --against-source
      backupjump verify nightly --json | jq -r '.damaged[] | .path'

    \b
    Exit codes: 0 all right or healed, 4 damage, 1 an error, 11 --heal while a run of JOB is under way,
    75 the Desktop is away.
    """
    from backupjump.cli.progress import step_of, step_of_reading, watching
    from backupjump.operations.site import open_site
    from backupjump.operations.verify.job import verify_job
    from backupjump.operations.verify.wish import Wish

    options: Options = context.obj
    wish = Wish(every=every, share=_read_share(sample, every=every), heal=heal, against_source=against_source)
    with watching([job], options, as_json=as_json) as watch:
        on_progress = step_of(watch, job, step_of_reading)
        verified = verify_job(open_site(options.config), job, wish, on_progress=on_progress)
    if as_json:
        render.json_line(_to_json(verified))
    else:
        _tell(verified, options)
    context.exit(verified.exit_code)


def _read_share(text: str | None, *, every: bool) -> float | None:
    from backupjump.config.checks import read_share
    from backupjump.errors import UsageError

    if text is None:
        return None
    if every:
        raise UsageError("--all and --sample exclude each other", hint="write one of them")
    try:
        share = read_share(text)
    except ValueError as error:
        raise UsageError(f"--sample {text}: {error}", hint="write a share, such as 5%") from error
    return share


def _tell(verified: Verified, options: Options) -> None:
    if not verified.snapshots:
        click.echo(f"{verified.job} has no snapshot yet; the first comes with: backupjump run {verified.job}")
        return
    for outcome in verified.outcomes[:_MOST_LINES]:
        click.echo("\n".join(_lines(outcome)))
    if (more := len(verified.outcomes) - _MOST_LINES) > 0:
        click.echo(f"and {render.number(more)} more; --json names all")
    for line in _other_lines(verified):
        click.echo(line)
    for warning in verified.warnings:
        click.echo(warning, err=True)
    if not options.quiet:
        click.echo(_sum(verified))
    if verified.exit_code and verified.healed < len(verified.outcomes):
        _hint(verified)


def _lines(outcome: Outcome) -> Iterator[str]:
    from backupjump.escape import shown

    damage = outcome.damage
    yield f"{'healed ' if outcome.healed else 'DAMAGED'}  {damage.name}: {damage.what}"
    yield f"         in {', '.join(damage.snapshots)}"
    if damage.also:
        yield "         also named " + ", ".join(f"/{shown(path)}" for path in damage.also[:10])
    if outcome.note:
        yield f"         {outcome.note}"


def _other_lines(verified: Verified) -> Iterator[str]:
    from backupjump.escape import shown

    if verified.source is not None:
        for path in verified.source.silent[:_MOST_LINES]:
            yield f"DIFFERS  /{shown(path)}: the Desktop has another content of the same size and time"
        changed = render.number(verified.source.changed)
        yield f"compared with the Desktop: files changed there since the snapshot, which is ordinary: {changed}"
    if verified.drill is not None:
        for failed in verified.drill.failed:
            yield f"NOT RESTORED  {failed}"


def _sum(verified: Verified) -> str:
    said = [f"{verified.job}: checked {render.number(verified.checked)} names, read {render.size(verified.read_bytes)}"]
    if verified.outcomes:
        said.append(f"{len(verified.outcomes)} damaged, {verified.healed} healed")
    else:
        said.append("nothing is damaged")
    if verified.drill is not None and not verified.drill.failed:
        said.append(f"{verified.drill.files} files of {verified.drill.snapshot} restored on trial")
    return "; ".join(said)


def _hint(verified: Verified) -> None:
    tried = any(outcome.note for outcome in verified.outcomes)
    todo = (
        "the next run copies anew what is damaged in the newest snapshot; nothing is pruned by itself meanwhile, "
        f"look at: backupjump prune {verified.job} --dry-run"
        if tried
        else f"backupjump verify {verified.job} --all --heal"
    )
    click.echo(f"hint: {todo}", err=True)


def _to_json(verified: Verified) -> dict[str, Any]:
    """Return what `--json` prints; the keys are API."""
    source, drill = verified.source, verified.drill
    return {
        "job": verified.job,
        "checked": verified.checked,
        "bytes": verified.read_bytes,
        "damaged": [_damage_json(outcome) for outcome in verified.outcomes],
        "healed": verified.healed,
        "source": None
        if source is None
        else {"files": source.files, "changed": source.changed, "silent": [_name_json(path) for path in source.silent]},
        "drill": None
        if drill is None
        else {
            "snapshot": drill.snapshot,
            "files": drill.files,
            "bytes": drill.size_bytes,
            "failed": list(drill.failed),
        },
        "warnings": list(verified.warnings),
    }


def _damage_json(outcome: Outcome) -> dict[str, Any]:
    damage = outcome.damage
    return {
        **_name_json(damage.path),
        "kind": damage.kind.value,
        "what": damage.what,
        "snapshots": list(damage.snapshots),
        "also": [_name_json(path) for path in damage.also],
        "healed": outcome.healed,
        "note": outcome.note,
    }


def _name_json(path: bytes) -> dict[str, str]:
    """Return a damaged path; both are empty where it is the snapshot's own papers."""
    from backupjump.operations.snapshot_paths import path_json

    return path_json(path) if path else {"path": "", "path_b64": ""}
