"""backupjump as it stands after an enrolment: its own tunnel, the gate as the forced command of the Server's key.

What it leaves to be done after a run is its cost too: the measurement of a pull ends when the last process that
`backupjump run` has left behind on the Server has ended, a `backupjump prepare` among them.
"""

from __future__ import annotations

from dataclasses import replace

from bench.hosts.host import Command, Cost, Hosts


class Ours:
    """One store. `job_keys` are further lines for the job's YAML."""

    name = "backupjump"
    disk = "backups"

    def __init__(self, hosts: Hosts, *, job_keys: str = "") -> None:
        self._hosts = hosts
        self._installed = hosts.installed
        self._job_keys = job_keys
        self._store = ""
        self._kept = 0

    def begin(self, folder: str) -> None:
        """Make the store."""
        self._store, self._kept = folder, 0
        self._write_job()
        self._hosts.must(Command(f"{self._installed.program} store init"))

    def pull(self) -> Command:
        """Return the run of the job."""
        self._kept += 1
        return Command(f"{self._installed.program} run {self._installed.job}")

    def judged(self, cost: Cost) -> Cost:
        """It is done when the Run is recorded and the next may begin; the command goes on to read some of the store."""
        recorded_at = self._hosts.path_here(f"{self._folder}/runs.jsonl").stat().st_mtime
        return replace(cost, seconds=recorded_at - cost.began_at)

    def newest(self) -> str:
        """Return where the source is in the last snapshot."""
        return f"{self._folder}/latest/tree{self._hosts.source}"

    def restore(self, path: str | None, folder: str) -> Command:
        """Return its own command, which needs no Desktop."""
        wanted = "" if path is None else f" {self._hosts.source}/{path}"
        return Command(f"{self._installed.program} restore {self._installed.job}{wanted} --to {folder}")

    def restored(self, folder: str) -> str:
        """Return where everything comes back to."""
        return f"{folder}{self._hosts.source}"

    def prune(self) -> Command:
        """Have all but the oldest kept."""
        self._kept -= 1
        self._write_job(f"keep: {{last: {self._kept}}}\n")
        return Command(f"{self._installed.program} prune {self._installed.job} --yes")

    @property
    def _folder(self) -> str:
        return f"{self._store}/{self._installed.desktop}/{self._installed.job}"

    def _write_job(self, more: str = "") -> None:
        text = f"desktop: {self._installed.desktop}\nsources: [{self._hosts.source}]\n{self._job_keys}\n{more}"
        self._hosts.path_here(self._installed.job_file).write_text(text)
