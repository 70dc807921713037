"""Run what the job wants run around its transfer, on the Desktop and here: before, after, on failure, always."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

from backupjump.errors import BackupjumpError, Deferred, HookFailed, Stopped
from backupjump.escape import shown, shown_lines
from backupjump.operations.gate import check_alive, run_hook
from backupjump.process import TimedOut, run, shown_argv
from backupjump.run import Status, exit_code_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from backupjump.config.models import Job
    from backupjump.operations.gate import Gate
    from backupjump.operations.under_way import Pull
    from backupjump.ssh.control import Control

log = logging.getLogger(__name__)

_HOOK_SECONDS = 3600.0
_NOT_NOW = 75
_MOST_NAMES = 10


@contextmanager
def hooks(pull: Pull, desktop: Control) -> Iterator[None]:
    """Run the `before` hooks, the block, then `after` or `on_failure`, then `always`.

    The Desktop's hooks stand nearer to the transfer: after this Server's before it, before them after it. A
    `before` hook that ends with 75 puts the run off (Deferred), with another status fails it. What fails after
    a snapshot is there becomes a warning of the run: the snapshot is as good as it was. A hook that the Desktop
    does not offer raises HookFailed before anything has run.
    """
    check_offered(pull.job, pull.gate)
    around = _Around(pull, desktop)
    ours, theirs = pull.job.server_hooks, pull.job.hooks
    status = Status.FAILED.value
    try:
        around.before(ours.before, theirs.before)
        yield
        status = pull.run.status.value
        around.rest(ours.after, theirs.after, status=status)
    except BackupjumpError as error:
        if pull.run.snapshot is None:
            status = error.status
            around.rest(ours.on_failure, theirs.on_failure, status=status)
        raise
    finally:
        around.rest(ours.always, theirs.always, status=status)


def check_offered(job: Job, gate: Gate | None) -> None:
    """Raise HookFailed, with a guess, for the first hook of `job` that the Desktop does not offer."""
    wanted = (*job.hooks.before, *job.hooks.after, *job.hooks.on_failure, *job.hooks.always)
    missing = next((name for name in wanted if gate is None or name not in gate.hooks), None)
    if missing is None:
        return
    lacking = f"desktop {job.desktop} offers no hook {missing!r}"
    if gate is None:
        raise HookFailed(
            f"{lacking}: only a gate offers hooks, none answers there",
            hint=f"take hooks: out of jobs/{job.name}.yaml, or use server_hooks: for programs of this Server",
        )
    near = get_close_matches(missing, gate.hooks, n=1)
    offered = ", ".join(shown(name, limit=63) for name in gate.hooks[:_MOST_NAMES]) or "none"
    raise HookFailed(
        lacking + (f", did you mean {shown(near[0], limit=63)!r}?" if near else ""),
        hint=f"its gate offers: {offered}; mend hooks: of jobs/{job.name}.yaml, or gate.hooks on the Desktop",
    )


@dataclass(frozen=True)
class _Around:
    """Both machines' hooks of one pull."""

    pull: Pull
    desktop: Control

    def before(self, ours: Sequence[tuple[str, ...]], theirs: Sequence[str]) -> None:
        for argv in ours:
            _check(f"{shown_argv(argv)} on this Server", *_run_here(self.pull, argv, status="running"))
        for name in theirs:
            _check(f"{name} on desktop {self.pull.desktop.name}", *self._run_there(name))

    def rest(self, ours: Sequence[tuple[str, ...]], theirs: Sequence[str], *, status: str) -> None:
        for name in theirs:
            hook = f"hook {name} on desktop {self.pull.desktop.name}"
            try:
                check_alive(self.desktop)
                ended, said = self._run_there(name)
            except Stopped:
                raise
            except BackupjumpError as error:
                _warn(self.pull, f"{hook} may not have run: {error}")
                continue
            if ended != 0:
                _warn(self.pull, f"{hook} ended with {ended} {said}".rstrip())
        for argv in ours:
            ended, said = _run_here(self.pull, argv, status=status)
            if ended != 0:
                _warn(self.pull, f"hook {shown_argv(argv)} on this Server ended with {ended} {said}".rstrip())

    def _run_there(self, name: str) -> tuple[int, str]:
        log.info("%s: hook %s on desktop %s", self.pull.job.name, name, self.pull.desktop.name)
        ended = run_hook(self.desktop, name, host=f"desktop {self.pull.desktop.name}")
        return ended.status, f"({ended.said})" if ended.said else ""


def _check(hook: str, status: int, said: str) -> None:
    """Raise unless a `before` hook ended with 0."""
    if status == _NOT_NOW:
        raise Deferred(f"hook {hook} said: not now (75) {said}".rstrip())
    if status != 0:
        raise HookFailed(
            f"hook {hook} ended with {status}; nothing was pulled {said}".rstrip(),
            hint="run it by hand to see why; a hook that only wants to put the run off ends with 75",
        )


def _warn(pull: Pull, text: str) -> None:
    pull.warn(text)
    if pull.run.status is Status.OK:
        pull.run = replace(pull.run, status=Status.WARNING, exit_code=exit_code_of(Status.WARNING))


def _run_here(pull: Pull, argv: tuple[str, ...], *, status: str) -> tuple[int, str]:
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
