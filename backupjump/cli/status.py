"""`backupjump status`: how each job stands, at a glance, and the one thing to type next."""

from __future__ import annotations

import shutil
import sys
from textwrap import wrap
from typing import TYPE_CHECKING

import click

from backupjump.cli import render
from backupjump.run import utc_now

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from backupjump.cli.options import Options
    from backupjump.operations.job_state import JobState

_COLOURS = {"suspect": "red", "broken": "red", "late": "red", "deferred": "yellow", "away": "yellow", "good": "green"}
_HEADERS = ("job", "state", "last good", "next due", "size")
_GAP = "  "
_NARROWEST = 40


@click.command(short_help="How each job stands, and what needs a person.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array on stdout and nothing else.")
@click.pass_obj
def status(options: Options, *, as_json: bool) -> int:
    """Show of each job how it stands: the first that fits of suspect, broken, late, deferred, away, good.

    \b
    suspect   a snapshot looks wrong
    broken    the last run failed
    late      the last good snapshot is older than max_age (by default 3 times its cadence), or there is none
    deferred  put off by the desktop's owner
    away      the desktop was not reached the last time, or the link broke
    good      nothing to do

    Of a desktop that is away it tells when it was last seen and, where it comes at regular hours, when it is
    expected; of a first backup that takes many nights, how far it is.

    \b
    Examples:
      backupjump status
      backupjump status --json | jq -r '.[] | select(.state != "good") | .help'

    \b
    Exit codes: 0 no job needs a person, 1 one is suspect, broken or late.
    """
    from backupjump.operations.listing import job_states
    from backupjump.operations.site import open_site
    from backupjump.operations.telling.look import unreached_channels

    site = open_site(options.config)
    found = job_states(site)
    if as_json:
        render.json_array(each.to_json() for each in found)
    elif found:
        columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        for line in status_lines(found, now=utc_now(), columns=columns):
            click.echo(line)
    else:
        click.echo("the config has no job: add one to the folder jobs beside it")
    for label, gone in unreached_channels(site.server, site.state).items():
        since = render.since(gone.since, utc_now())
        click.echo(
            f"no message gets through by {label}, first {since}: {gone.why}; try: backupjump notify test", err=True
        )
    return 1 if any(each.state.needs_person for each in found) else 0


def status_lines(states: Sequence[JobState], *, now: datetime, columns: int | None = None) -> Iterator[str]:
    """Yield a row a job, below it what to type next, and at the end how many jobs need a person.

    With `columns`, those of a terminal, the words are coloured and what is longer is folded; never within a word,
    since a command is there to be copied.
    """
    rows = [_HEADERS, *(_row(each, now) for each in states)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADERS))]
    yield _line(_HEADERS, widths)
    margin = widths[0] + len(_GAP)
    for state, row in zip(states, rows[1:], strict=True):
        line, word = _line(row, widths), state.state.value
        if columns is not None:
            line = line[:margin] + click.style(word, fg=_COLOURS[word], bold=True) + line[margin + len(word) :]
        yield line
        room = max(_NARROWEST, columns - margin) if columns is not None else sys.maxsize
        for part in wrap(state.help, room, break_long_words=False, break_on_hyphens=False):
            yield f"{'':{margin}}{part}"
    yield ""
    yield _sum(states)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [f"{cell:{width}}" for cell, width in zip(row[:-1], widths, strict=False)]
    return _GAP.join([*cells, f"{row[-1]:>{widths[-1]}}"]).rstrip()


def _row(state: JobState, now: datetime) -> tuple[str, ...]:
    due = (
        "" if state.next_due_at is None else "now" if state.next_due_at <= now else render.until(state.next_due_at, now)
    )
    return (
        state.job,
        state.state.value,
        render.since(state.last_good_at, now) if state.last_good_at is not None else "never",
        due,
        render.size(state.size_bytes) if state.size_bytes is not None else "",
    )


def _sum(states: Sequence[JobState]) -> str:
    needing = sum(state.state.needs_person for state in states)
    jobs = f"{render.number(len(states))} job{'' if len(states) == 1 else 's'}"
    if not needing:
        return f"nothing needs you: {jobs}"
    return f"{needing} of {jobs} need{'s' if needing == 1 else ''} you"
