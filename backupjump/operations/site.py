"""Open what the Server's verbs need: the config, the state folder, the history, a job's place in the store."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from backupjump.config.find import find_config
from backupjump.config.load import desktop_named, job_named, load_server
from backupjump.config.state import state_dir
from backupjump.errors import StoreError
from backupjump.history import History
from backupjump.ssh.route import route_to
from backupjump.store.layout import JobFolder
from backupjump.store.runs import read_runs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from backupjump.config.models import Desktop, Job, Server
    from backupjump.run import Run
    from backupjump.ssh.route import Route


@dataclass(frozen=True, kw_only=True)
class Site:
    """The Server as its config describes it, with the folder for what the program itself keeps."""

    config_file: Path
    server: Server
    state: Path

    def job(self, name: str) -> Job:
        """Return the job `name`; UsageError with a guess when there is none."""
        return job_named(self.server, name)

    def desktop_of(self, job: Job) -> Desktop:
        """Return the Desktop that `job` backs up."""
        return desktop_named(self.server, job.desktop)

    def route_to(self, desktop: Desktop) -> Route:
        """Return the way to `desktop`; its ssh files are the same ones for every command."""
        return route_to(desktop, self.server, folder=self.state / "routes" / desktop.name)

    def folder_of(self, job: Job) -> JobFolder:
        """Return where `job` lies in the store, whether or not it exists yet."""
        return JobFolder(self.server.store.path, job.desktop, job.name)

    def history(self, store_uuid: str | None) -> History:
        """Return the history of the store `store_uuid`; None is for runs that found no store at all."""
        return History(self.state / f"history-{store_uuid or 'no-store'}.sqlite3", known_runs=self._known_runs)

    def _known_runs(self) -> Iterator[Run]:
        """Yield the runs that the store knows of, for a history that was lost; what can't be read is left out."""
        for job in self.server.jobs.values():
            with suppress(StoreError):
                yield from read_runs(self.folder_of(job))


def open_site(config: Path | None, *, check_keys: bool = False) -> Site:
    """Load the config (found by the search order when None) and make the state folder if need be.

    With `check_keys` every private key must be there and private; a restore goes without.
    Raises ConfigError with all mistakes of all files.
    """
    config_file = find_config(config)
    server = load_server(config_file, check_keys=check_keys)
    return Site(config_file=config_file, server=server, state=state_dir(server.state_dir))
