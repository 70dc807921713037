"""restic by a reverse socket, at whose end on the Server stands OpenSSH's sftp-server; always encrypted."""

from __future__ import annotations

from bench.hosts.host import BY_HAND, DESKTOP, Command, Cost, Hosts
from bench.peers.by_socket import with_socket

_SFTP_SERVER = "/usr/lib/openssh/sftp-server"
_PASSWORD = "RESTIC_PASSWORD=bench"


class Restic:
    """One repository."""

    name = "restic"

    def __init__(self, hosts: Hosts, *, way: str = BY_HAND) -> None:
        self.disk = self.name if way == BY_HAND else f"{self.name}-pty"
        self._hosts = hosts
        self._way = way
        self._repository = ""
        self._kept = 0

    def begin(self, folder: str) -> None:
        """Make the repository; the Desktop's cache is empty then too."""
        self._repository, self._kept = f"{folder}/repository", 0
        self._hosts.must(Command("rm -rf ~/.cache/restic", DESKTOP))
        self._hosts.must(Command(f"rm -rf ~/.cache/restic; {_PASSWORD} restic -r {self._repository} init"))

    def pull(self) -> Command:
        """Return the line that starts `restic backup` on the Desktop."""
        self._kept += 1
        on_desktop = (
            f"{_PASSWORD} restic -r sftp:server:{self._repository} "
            f'-o sftp.command="socat STDIO UNIX-CONNECT:{{socket}}" backup {self._hosts.source}'
        )
        return Command(with_socket(self._hosts, self.disk, way=self._way, service=_SFTP_SERVER, on_desktop=on_desktop))

    def judged(self, cost: Cost) -> Cost:
        """It is done when it ends."""
        return cost

    def newest(self) -> None:
        """Its snapshots are no folders."""
        return

    def restore(self, path: str | None, folder: str) -> Command:
        """Restore on the Server."""
        wanted = "" if path is None else f" --include {self._hosts.source}/{path}"
        return Command(f"{_PASSWORD} restic -r {self._repository} restore latest --target {folder}{wanted}")

    def restored(self, folder: str) -> str:
        """Return where everything comes back to."""
        return f"{folder}{self._hosts.source}"

    def prune(self) -> Command:
        """Have all but the oldest kept, and give its room back."""
        self._kept -= 1
        return Command(f"{_PASSWORD} restic -r {self._repository} forget --keep-last {self._kept} --prune")
