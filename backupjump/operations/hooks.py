"""Run what the job wants run around its transfer: before, after, on failure, always."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from backupjump.errors import BackupjumpError, Deferred, HookFailed, Stopped
from backupjump.escape import shown_lines
from backupjump.process import TimedOut, run, shown_argv
from backupjump.run import Status, exit_code_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from backupjump.operations.under_way import Pull

log = logging.getLogger(__name__)

_HOOK_SECONDS = 3600.0
_NOT_NOW = 75


@contextmanager
def hooks(pull: Pull) -> Iterator[None]:
    """Run the `before` hooks, the block, then `after` or `on_failure`, then `always`.

    A `before` hook that ends with 75 puts the run off (Deferred), with another status fails it. What
    fails after a snapshot is there becomes a warning of the run: the snapshot is as good as it was.
    """
    _refuse_hooks_without_gate(pull)
    ours = pull.job.server_hooks
    status = Status.FAILED.value
    try:
        _run_before(pull, ours.before)
        yield
        status = pull.run.status.value
        _run_rest(pull, ours.after, status=status)
    except BackupjumpError as error:
        if pull.run.snapshot is None:
            status = error.status
            _run_rest(pull, ours.on_failure, status=status)
        raise
    finally:
        _run_rest(pull, ours.always, status=status)


def _refuse_hooks_without_gate(pull: Pull) -> None:
    theirs = pull.job.hooks
    wanted = (*theirs.before, *theirs.after, *theirs.on_failure, *theirs.always)
    if wanted:
        raise HookFailed(
            f"desktop {pull.desktop.name} offers no hook {wanted[0]!r}: only a gate offers hooks, none answers there",
            hint=f"take hooks: out of jobs/{pull.job.name}.yaml, or use server_hooks: for programs of this Server",
        )


def _run_before(pull: Pull, hooks_before: Sequence[tuple[str, ...]]) -> None:
    for argv in hooks_before:
        status, said = _run_one(pull, argv, status="running")
        if status == _NOT_NOW:
            raise Deferred(f"hook {shown_argv(argv)} on this Server said: not now (75) {said}".rstrip())
        if status != 0:
            raise HookFailed(
                f"hook {shown_argv(argv)} on this Server ended with {status}; nothing was pulled {said}".rstrip(),
                hint="run it by hand to see why; a hook that only wants to put the run off ends with 75",
            )


def _run_rest(pull: Pull, argvs: Sequence[tuple[str, ...]], *, status: str) -> None:
    for argv in argvs:
        ended, said = _run_one(pull, argv, status=status)
        if ended != 0:
            _warn(pull, f"hook {shown_argv(argv)} on this Server ended with {ended} {said}".rstrip())


def _warn(pull: Pull, text: str) -> None:
    log.warning("%s: %s", pull.job.name, text)
    pull.run = replace(pull.run, warnings=(*pull.run.warnings, text))
    if pull.run.status is Status.OK:
        pull.run = replace(pull.run, status=Status.WARNING, exit_code=exit_code_of(Status.WARNING))


def _run_one(pull: Pull, argv: tuple[str, ...], *, status: str) -> tuple[int, str]:
    told = {
        "BACKUPJUMP_JOB": pull.job.name,
        "BACKUPJUMP_DESKTOP": pull.desktop.name,
        "BACKUPJUMP_RUN_ID": pull.run.run_id,
        "BACKUPJUMP_STATUS": status,
        "BACKUPJUMP_SNAPSHOT": pull.run.snapshot or "",
    }
    log.info("%s: hook %s", pull.job.name, shown_argv(argv))
    try:
        ended = run(argv, timeout=_HOOK_SECONDS, environment=told)
    except TimedOut as error:
        return 124, str(error)
    except Stopped:
        raise
    except BackupjumpError as error:
        return 127, str(error)
    said = shown_lines(ended.stderr or ended.stdout, lines=3)
    return ended.status, f"({said})" if said else ""
