"""Open what the Server's verbs need: the config, the state folder, the history, a job's place in the store."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from backupjump.config.find import find_config
from backupjump.config.load import desktop_named, job_named, load_server
from backupjump.config.models import RouteKind
from backupjump.config.state import state_dir
from backupjump.errors import StoreError
from backupjump.history import History, RunLog
from backupjump.ssh.route import route_to_jump, routes_to
from backupjump.store.jobs import job_folders
from backupjump.store.layout import JobFolder
from backupjump.store.marker import read_marker
from backupjump.store.runs import runs_after

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from backupjump.config.models import Desktop, Job, Server
    from backupjump.run import Run
    from backupjump.ssh.route import Route
    from backupjump.store.marker import Marker


@dataclass(frozen=True, kw_only=True)
class Site:
    """The Server as its config describes it, with the folder for what the program itself keeps."""

    config_file: Path
    server: Server
    state: Path

    def job(self, name: str) -> Job:
        """Return the job `name`; UsageError with a guess when there is none."""
        return job_named(self.server, name)

    def job_file(self, job: Job) -> Path:
        """Return the file that `job` is written in."""
        return self.config_file.parent / "jobs" / f"{job.name}.yaml"

    def desktop_of(self, job: Job) -> Desktop:
        """Return the Desktop that `job` backs up."""
        return desktop_named(self.server, job.desktop)

    def routes_to(self, desktop: Desktop) -> tuple[Route, ...]:
        """Return the ways to `desktop` in their order; their ssh files are the same ones for every command."""
        return routes_to(desktop, self.server, folder=self.state / "routes" / desktop.name)

    def jump_of(self, route: Route) -> Route | None:
        """Return the way to the JumpNode of `route` if a standing login there can ask for its Desktop."""
        if route.jump_node is None or route.kind is RouteKind.NESTED:
            return None
        folder = self.state / "routes" / f"jump-{route.jump_node}"
        return route_to_jump(self.server.jump_nodes[route.jump_node], folder=folder)

    def folder_of(self, job: Job) -> JobFolder:
        """Return where `job` lies in the store, whether or not it exists yet."""
        return JobFolder(self.server.store.path, job.desktop, job.name)

    def marker(self) -> Marker:
        """Return the store's marker; NoStore or StoreError when its disk is not there, or not the one that is meant."""
        return read_marker(self.server.store.path, uuid=self.server.store.uuid)

    def has(self, folder: JobFolder) -> bool:
        """Whether `folder` is where a job of the config lies."""
        job = self.server.jobs.get(folder.job)
        return job is not None and job.desktop == folder.desktop

    def history_file(self, store_uuid: str | None) -> Path:
        """Return where the history of the store `store_uuid` lies; None is for runs that found no store at all."""
        return self.state / f"history-{store_uuid or 'no-store'}.sqlite3"

    def history(self, store_uuid: str | None) -> History:
        """Return the history of the store `store_uuid`, with all that the store's jobs tell of their runs."""
        return History(self.history_file(store_uuid), logs=[_log_of(folder) for folder in self.folders(store_uuid)])

    def folders(self, store_uuid: str | None) -> tuple[JobFolder, ...]:
        """Return all jobs in the store, also those that are no longer in the config; none of another store."""
        path = self.server.store.path
        try:
            return job_folders(path) if store_uuid == read_marker(path).uuid else ()
        except StoreError:
            return ()


def _log_of(folder: JobFolder) -> RunLog:
    def runs_behind(mark: str) -> tuple[Sequence[Run], str]:
        with suppress(StoreError):
            return runs_after(folder, mark)
        return (), mark

    return RunLog(name=f"{folder.desktop}/{folder.job}", runs_after=runs_behind)


def open_site(config: Path | None, *, check_keys: bool = False) -> Site:
    """Load the config (found by the search order when None) and make the state folder if need be.

    With `check_keys` every private key must be there and private; a restore goes without.
    Raises ConfigError with all mistakes of all files.
    """
    config_file = find_config(config)
    server = load_server(config_file, check_keys=check_keys)
    return Site(config_file=config_file, server=server, state=state_dir(server.state_dir))
