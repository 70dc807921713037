"""rsnapshot with what keeps everything that rsync by hand keeps, all else as its own rsnapshot.conf has it."""

from __future__ import annotations

from bench.hosts.host import BY_HAND, Command, Cost, Hosts

# Its fields are separated by tabs.
_CONFIG = """\
config_version	1.2
snapshot_root	{folder}/
cmd_cp	/bin/cp
cmd_rm	/bin/rm
cmd_rsync	/usr/bin/rsync
cmd_ssh	/usr/bin/ssh
retain	alpha	1000
lockfile	{folder}/rsnapshot.pid
link_dest	1
rsync_short_args	-aHAX
rsync_long_args	--delete --numeric-ids --relative --delete-excluded
{ssh_args}backup	{way}:{source}/	desktop/
"""


class Rsnapshot:
    """alpha.0 is the newest."""

    name = "rsnapshot"

    def __init__(self, hosts: Hosts, *, way: str = BY_HAND) -> None:
        self.disk = self.name if way == BY_HAND else f"{self.name}-pty"
        self._hosts = hosts
        self._way = way
        self._folder = ""
        self._count = 0

    def begin(self, folder: str) -> None:
        """Write its config."""
        self._folder, self._count = folder, 0
        options = self._hosts.ssh.removeprefix("ssh").strip()
        text = _CONFIG.format(
            folder=folder, way=self._way, source=self._hosts.source, ssh_args=f"ssh_args	{options}\n" * bool(options)
        )
        self._hosts.path_here(f"{folder}/rsnapshot.conf").write_text(text)

    def pull(self) -> Command:
        """Return its own command."""
        self._count += 1
        return Command(f"rsnapshot -c {self._folder}/rsnapshot.conf alpha")

    def judged(self, cost: Cost) -> Cost:
        """It is done when it ends."""
        return cost

    def newest(self) -> str:
        """Return where the source is in alpha.0."""
        return f"{self._folder}/alpha.0/desktop{self._hosts.source}"

    def restore(self, path: str | None, folder: str) -> Command:
        """Copy out of alpha.0, as its manual says."""
        if path is None:
            return Command(f"rsync -aHAX --numeric-ids {self.newest()}/ {folder}/")
        return Command(f"rsync -aHAX --numeric-ids {self.newest()}/{path} {folder}/")

    def restored(self, folder: str) -> str:
        """Return where everything comes back to."""
        return folder

    def prune(self) -> Command:
        """Delete the oldest as it does: with its cmd_rm."""
        self._count -= 1
        return Command(f"/bin/rm -rf {self._folder}/alpha.{self._count}/")
