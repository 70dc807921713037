"""Run what the job wants run around its transfer, on the Desktop and here: before, after, on failure, always.

A Desktop that was left with its database in backup mode must be put right. So what belongs behind a run there is
noted before it begins (store/owed.py), and what could not be run is run first when the Desktop is reached again.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

from backupjump.errors import BackupjumpError, Deferred, HookFailed, Stopped, StoreError
from backupjump.escape import shown, shown_lines
from backupjump.gate.hook import HOOK_SECONDS, last_lines, run_bounded
from backupjump.operations.gate import check_alive, run_hook
from backupjump.process import shown_argv
from backupjump.run import Status, exit_code_of, rfc3339
from backupjump.store.owed import Owed, read_owed, write_owed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from backupjump.config.models import Job
    from backupjump.operations.gate import Gate
    from backupjump.operations.under_way import Pull
    from backupjump.ssh.control import Control

log = logging.getLogger(__name__)

_NOT_NOW = 75
_MOST_NAMES = 10
_MOST_TRIES = 3


@contextmanager
def hooks(pull: Pull, desktop: Control) -> Iterator[None]:
    """Run the `before` hooks, the block, then `after` or `on_failure`, then `always`.

    The Desktop's hooks stand nearer to the transfer: after this Server's before it, before them after it. A
    `before` hook that ends with 75 puts the run off (Deferred), with another status fails it. What fails after
    a snapshot is there becomes a warning of the run: the snapshot is as good as it was. A hook that the Desktop
    does not offer raises HookFailed before anything has run. What can't be run on the Desktop stays owed to it.
    """
    check_offered(pull.job, pull.gate)
    around = _Around(pull, desktop)
    ours, theirs = pull.job.server_hooks, pull.job.hooks
    status = Status.FAILED.value
    _owe(pull, (*theirs.on_failure, *theirs.always))
    try:
        around.before(ours.before, theirs.before)
        yield
        status = pull.run.status.value
        if theirs.after or theirs.on_failure:
            _owe(pull, (*theirs.after, *theirs.always))
        around.rest(ours.after, theirs.after, status=status)
    except BackupjumpError as error:
        if pull.run.snapshot is None:
            status = error.status
            around.rest(ours.on_failure, theirs.on_failure, status=status)
        raise
    finally:
        around.rest(ours.always, theirs.always, status=status)
        try:
            _owe(pull, around.missed)
        except StoreError as error:
            # Of a disk that is going; the reason why the run ends must not be lost for it.
            log.warning("%s: hooks may be run once more at the next run: %s", pull.job.name, error)


def run_owed(pull: Pull, desktop: Control) -> None:
    """Run on the Desktop what earlier runs of the job have to leave undone there, before this one does anything.

    A hook that its gate no longer offers is given up, and so is what could not be run in three runs; the run says so.
    Raises as `run_hook` where one can't be run now: what is left of it is owed on.
    """
    owed = read_owed(pull.folder)
    if owed is None:
        return
    where = f"on desktop {pull.desktop.name}, owed since the run of {rfc3339(owed.since)}"
    offered = pull.gate.hooks if pull.gate is not None else ()
    for number, name in enumerate(owed.hooks):
        hook = f"hook {shown(name, limit=63)} {where}"
        if name not in offered or owed.tries >= _MOST_TRIES:
            why = "its gate offers it no more" if name not in offered else f"{owed.tries} runs tried it in vain"
            pull.warn(f"{hook}, is given up: {why}; see whether something is to be put right there")
            continue
        # Noted first: a hook that ends the link each time would keep the job from its backups for ever.
        write_owed(pull.folder, replace(owed, hooks=owed.hooks[number:], tries=owed.tries + 1))
        ended = run_hook(desktop, name, host=f"desktop {pull.desktop.name}")
        said = f" ({ended.said})" if ended.said else ""
        pull.warn(f"{hook}, was run now" + (f" and ended with {ended.status}{said}" if ended.status else ""))
    write_owed(pull.folder, replace(owed, hooks=()))


def _owe(pull: Pull, names: Sequence[str]) -> None:
    """Note what is to be run on the Desktop whatever becomes of this run, in place of what was noted before."""
    write_owed(
        pull.folder,
        Owed(run_id=pull.run.run_id, since=pull.run.started_at, hooks=tuple(dict.fromkeys(names))),
    )


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
    missed: list[str] = field(default_factory=list)
    """What should have run on the Desktop by now, and may not have."""

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
                _warn(self.pull, f"{hook} may not have run, the next run that gets there does so first: {error}")
                self.missed.append(name)
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
    ended, output = run_bounded(argv, seconds=HOOK_SECONDS, environment=told)
    said = " / ".join(shown_lines(last_lines(output, 3)).splitlines())
    return ended, f"({said})" if said else ""
