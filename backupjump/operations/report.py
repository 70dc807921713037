"""What a person is told of a run: a headline, at most four lines more. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from backupjump.run import Status

if TYPE_CHECKING:
    from backupjump.run import Run

_MOST_LINES = 5


@dataclass(frozen=True, kw_only=True)
class Report:
    """The lines that tell of one run, its exit code, and whether even cron should mail them."""

    lines: tuple[str, ...]
    exit_code: int
    needs_telling: bool


def report_on(run: Run) -> Report:
    """Return what to say of `run`, five lines at the most. Every text in a Run is safe to show."""
    lines = [_headline(run)]
    if run.error is not None:
        lines += [f"  {line}" for line in run.error.message.splitlines()[:3]]
        if run.error.hint:
            lines = [*lines[: _MOST_LINES - 1], f"  hint: {run.error.hint}"]
    lines += [f"  {warning}" for warning in run.warnings]
    if len(lines) > _MOST_LINES:
        more = len(lines) - _MOST_LINES + 1
        lines = [*lines[: _MOST_LINES - 1], f"  and {more} more: backupjump history {run.job} --json"]
    quiet = (Status.OK, Status.AWAY, Status.DEFERRED, Status.INTERRUPTED, Status.LOCKED, Status.NOT_DUE)
    return Report(lines=tuple(lines), exit_code=run.exit_code, needs_telling=run.status not in quiet)


def _headline(run: Run) -> str:
    seconds = (run.ended_at - run.started_at).total_seconds()
    if run.snapshot is None:
        return f"{run.job}: {run.status.value} after {seconds:.0f} s (exit {run.exit_code})"
    return (
        f"{run.job}: {run.status.value}, snapshot {run.snapshot}: {run.files_total} files, "
        f"{run.files_new} new, {run.files_changed} changed, {run.files_deleted} deleted, "
        f"{run.files_linked} linked; {_size(run.bytes_received)} received in {seconds:.0f} s"
    )


def _size(count: int) -> str:
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} TB"
