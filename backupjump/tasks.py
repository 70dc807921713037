"""The operations as Fabric tasks, for `inv -r jobs`, `fab -r jobs` and the command line alike.

A task's body returns a value; called by inv or fab, it is told on the terminal and becomes the exit code.
`inv --help pull` shows the help; `inv pull --help` would run the task on a job called `--help`, and is refused.
"""

from __future__ import annotations

import signal
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fabric import Task, task
from invoke.collection import Collection
from invoke.config import Config
from invoke.context import Context
from invoke.exceptions import Exit

from backupjump.config.times import read_duration
from backupjump.errors import BackupjumpError, Stopped, UsageError
from backupjump.operations.bring import rsync
from backupjump.operations.diff import compared
from backupjump.operations.hooks import hooks, run_owed
from backupjump.operations.housekeeping import after, keep_house
from backupjump.operations.listing import job_states, snapshots_of
from backupjump.operations.probe import probe
from backupjump.operations.pull import done, locked, publish, reach
from backupjump.operations.recorded import recorded
from backupjump.operations.report import (
    Report,
    report_on,
    report_on_diff,
    report_on_restored,
    report_on_snapshots,
    report_on_states,
    report_on_versions,
)
from backupjump.operations.restore.job import plan_job_restore
from backupjump.operations.restore.job import restore as carry_out
from backupjump.operations.site import Site, open_site
from backupjump.operations.telling.after_run import began, told
from backupjump.operations.under_way import Asked
from backupjump.operations.versions import versions_of
from backupjump.process import signals_as_exceptions
from backupjump.run import Run

if TYPE_CHECKING:
    from collections.abc import Callable

    from backupjump.operations.under_way import Sight


class JobTask(Task):  # type: ignore[misc]
    """A task whose Run or Report, under inv and fab, is told on the terminal and becomes the exit code."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the body; raise invoke's Exit where there is something to tell by an exit code."""
        try:
            with signals_as_exceptions(Stopped, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                value = super().__call__(*args, **kwargs)
            report = report_on(value) if isinstance(value, Run) else value
        except BackupjumpError as error:
            raise Exit(f"backupjump: {error.with_hint}", code=error.exit_code) from error
        if report.lines:
            print("\n".join(report.lines))  # noqa: T201 (this is where a task speaks)
        if report.exit_code:
            raise Exit(code=report.exit_code)


@task(
    klass=JobTask,
    help={
        "job": "name of a job, the stem of its file",
        "wait": "how long to wait for the tunnel: 30m",
        "seed": "start a new history, though another job has one of the same sources",
        "if-due": "do nothing unless the job's schedule says that it is time",
    },
)
def pull(context: Context, job: str, wait: str = "", seed: bool = False, if_due: bool = False) -> Run:  # noqa: FBT001, FBT002 (invoke's flags)
    """Pull a job's files from its Desktop into a new snapshot."""
    with recorded(job, _asked(context, wait, seed=seed, if_due=if_due)) as run, locked(run):
        with reach(run) as desktop, done(run, desktop):
            began(run)
            run_owed(run, desktop)
            rsyncs = probe(desktop, run.job, run.gate)
            with hooks(run, desktop):
                pulled = rsync(run, rsyncs)
                publish(run, pulled)
        keep_house(run)
    return told(run, after(run))


@task(klass=JobTask, auto_shortflags=False)
def status(context: Context) -> Report:
    """Show how each job stands; ends with 1 when one needs a person."""
    return report_on_states(job_states(open_site(_asked(context).config)))


@task(klass=JobTask, auto_shortflags=False, help={"job": "name of a job"})
def snapshots(context: Context, job: str) -> Report:
    """List a job's snapshots, oldest first."""
    return report_on_snapshots(snapshots_of(open_site(_asked(context).config), job))


@task(klass=JobTask, auto_shortflags=False, help={"job": "name of a job", "path": "full path on the Desktop"})
def versions(context: Context, job: str, path: str) -> Report:
    """List each content that a file has had."""
    return report_on_versions(versions_of(open_site(_asked(context).config), job, path))


@task(
    klass=JobTask,
    auto_shortflags=False,
    help={"job": "name of a job", "before": "a snapshot", "after": "another one", "path": "only what is below it"},
)
def diff(context: Context, job: str, before: str = "latest~1", after: str = "latest", path: str = "/") -> Report:
    """Tell what differs between two snapshots."""
    with compared(open_site(_asked(context).config), job, before, after, path) as found:
        return report_on_diff(found)


@task(
    klass=JobTask,
    auto_shortflags=False,
    iterable=["path"],
    help={
        "job": "name of a job",
        "to": "the folder to restore below",
        "path": "full path on the Desktop; may be given several times; without it everything",
        "snapshot": "an id, the beginning of one, latest or latest~1",
    },
)
def restore(context: Context, job: str, to: str, path: list[str] | None = None, snapshot: str = "latest") -> Report:
    """Bring files back from a snapshot; only what is absent is written."""
    site = open_site(_asked(context).config)
    plan = plan_job_restore(site, job, tuple(path or ()), target=Path(to), snapshot=snapshot)
    return report_on_restored(plan, carry_out(plan))


def context_for(site: Site, *, on_progress: Callable[[Sight], None]) -> Context:
    """Return the Context in which the command line calls a task: this config, read once, and this progress."""
    return Context(Config(overrides={"backupjump": {"site": site, "on_progress": on_progress}}, lazy=True))


def _asked(context: Context, wait: str = "", *, seed: bool = False, if_due: bool = False) -> Asked:
    settings = context.config.get("backupjump", {})
    try:
        waiting = read_duration(wait) if wait else timedelta(0)
    except ValueError as error:
        raise UsageError(f"--wait {wait}: {error}") from error
    return Asked(
        config=settings.get("config") and Path(settings["config"]),
        site=settings.get("site"),
        wait=waiting,
        seed=seed,
        if_due=if_due,
        on_progress=settings.get("on_progress", lambda _sight: None),
    )


ns = Collection(pull, status, snapshots, versions, diff, restore)
