"""What a person is told, as plain lines with an exit code: of a run, of jobs, of snapshots, of a restore. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from backupjump.escape import shown
from backupjump.run import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backupjump.operations.diff import Diff
    from backupjump.operations.job_state import JobState
    from backupjump.operations.restore.job import Restored
    from backupjump.operations.restore.plan import RestorePlan
    from backupjump.operations.versions import Versions
    from backupjump.run import Run
    from backupjump.store.folder_changes import Changes, FolderChanges
    from backupjump.store.snapshots import Snapshot

# What can have become of a path, in the order in which it is told.
KINDS = ("new", "changed", "metadata", "type", "moved", "deleted")

_MOST_LINES = 5
_QUIET = (Status.OK, Status.AWAY, Status.DEFERRED, Status.INTERRUPTED, Status.LOCKED, Status.NOT_DUE)

# The beginning of a warning that is an alarm of its own, whatever the run came to.
FILLING = "the store fills up while pruning is frozen"


@dataclass(frozen=True, kw_only=True)
class Report:
    """The lines that tell of something, its exit code, and whether even cron should mail them."""

    lines: tuple[str, ...]
    exit_code: int = 0
    needs_telling: bool = True


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
    return Report(lines=tuple(lines), exit_code=run.exit_code, needs_telling=_needs_telling(run))


def full_report(run: Run) -> str:
    """Return all that is to be said of `run`, a line for each thing, however much that is."""
    lines = [_headline(run)]
    if run.error is not None:
        lines += [*run.error.message.splitlines(), *([f"hint: {run.error.hint}"] if run.error.hint else [])]
    return "\n".join([*lines, *run.warnings]) + "\n"


def report_on_states(states: Sequence[JobState]) -> Report:
    """Return a line a job; the exit code is 1 when one of them needs a person."""
    lines = (f"{each.job}: {each.state.value}{f'; {each.help}' if each.help else ''}" for each in states)
    return Report(lines=tuple(lines), exit_code=int(any(each.state.needs_person for each in states)))


def report_on_snapshots(snapshots: Sequence[Snapshot]) -> Report:
    """Return a line a snapshot, in the order given."""
    return Report(
        lines=tuple(
            f"{each.id}  {each.word}  {each.files_total} files, {size(each.bytes_total)}, "
            f"{size(each.bytes_new)} of them new"
            for each in snapshots
        )
    )


def report_on_restored(plan: RestorePlan, restored: Restored) -> Report:
    """Return the one line that says what came back."""
    line = f"restored {restored.files} files ({size(restored.size_bytes)}) from {plan.snapshot.id} into {plan.target}"
    return Report(lines=(line,))


def report_on_versions(found: Versions) -> Report:
    """Return a line a version, in the order in which they came, and what to type to have the wanted one back."""
    lines = [
        f"{each.first.id} to {each.last.id}  {each.entry.type}, {size(each.entry.size)}, "
        f"in {len(each.snapshots)} of {len(found.snapshots)} snapshots"
        for each in found.versions
    ]
    return Report(lines=(*lines, found.restore_command(found.wanted)))


def report_on_diff(found: Diff) -> Report:
    """Return what differs in numbers, then a line a folder, the most-changed ones first."""
    summary = found.summary()
    folders = (f"{changes_told(each)}  /{shown(each.path)}" for each in summary.folders)
    return Report(lines=(f"{found.before.id} -> {found.after.id}: {changes_told(summary)}", *folders))


def changes_told(changes: Changes | FolderChanges) -> str:
    """Return changes as one line of numbers: `1 changed, 2 deleted; -12 kB`, or `nothing differs`."""
    counts = [f"{count:,} {kind}".replace(",", " ") for kind in KINDS if (count := getattr(changes, kind))]
    return f"{', '.join(counts)}; {grown(changes.grown_bytes)}" if counts else "nothing differs"


def grown(count: int) -> str:
    """Return a number of bytes that came, or went, with its sign: `+1.5 kB`."""
    return f"{'-' if count < 0 else '+'}{size(abs(count))}"


def _needs_telling(run: Run) -> bool:
    if any(warning.startswith(FILLING) for warning in run.warnings):
        return True
    # The run that found it was told of, and exit code and state say it until someone has looked.
    known = run.error is not None and run.error.code == "still-suspect"
    return run.status not in _QUIET and not known


def _headline(run: Run) -> str:
    seconds = (run.ended_at - run.started_at).total_seconds()
    if run.snapshot is None:
        return f"{run.job}: {run.status.value} after {seconds:.0f} s (exit {run.exit_code})"
    return (
        f"{run.job}: {run.status.value}, snapshot {run.snapshot}: {run.files_total} files, "
        f"{run.files_new} new, {run.files_changed} changed, {run.files_deleted} deleted, "
        f"{run.files_linked} linked{_share(run.files_linked, run.files_total)}; {size(run.bytes_new)} new, "
        f"{size(run.bytes_linked)} shared, {size(run.bytes_received)} received in {seconds:.0f} s"
    )


def _share(count: int, total: int) -> str:
    # Rounded down: 100 % is for all of them.
    return f" ({100 * count // total} %)" if total else ""


def size(count: int) -> str:
    """Return a number of bytes for people, in powers of ten: `512 B`, `1.5 kB`, `20 GB`."""
    value, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB", "PB"):
        if value < 999.5:
            break
        value, unit = value / 1000, larger
    return f"{value:.1f} {unit}" if unit != "B" and value < 9.95 else f"{value:.0f} {unit}"
