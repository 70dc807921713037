"""borg in pull mode by a reverse socket; not encrypted, its own lz4."""

from __future__ import annotations

from bench.hosts.host import BY_HAND, DESKTOP, Command, Cost, Hosts
from bench.peers.by_socket import with_socket

_YES = "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK=yes BORG_RELOCATED_REPO_ACCESS_IS_OK=yes"


class Borg:
    """One repository; archives are numbered."""

    name = "borg"

    def __init__(self, hosts: Hosts, *, way: str = BY_HAND) -> None:
        self.disk = self.name if way == BY_HAND else f"{self.name}-pty"
        self._hosts = hosts
        self._way = way
        self._repository = ""
        self._last = self._kept = 0

    def begin(self, folder: str) -> None:
        """Make the repository; the Desktop's cache is empty then too."""
        self._repository, self._last, self._kept = f"{folder}/repository", 0, 0
        self._hosts.must(Command("rm -rf ~/.cache/borg ~/.config/borg", DESKTOP))
        self._hosts.must(Command(f"rm -rf ~/.cache/borg ~/.config/borg; borg init -e none {self._repository}"))

    def pull(self) -> Command:
        """Return the line that starts `borg create` on the Desktop."""
        self._last += 1
        self._kept += 1
        on_desktop = (
            f'{_YES} BORG_RSH="sh -c \\"exec socat STDIO UNIX-CONNECT:{{socket}}\\"" '
            f"borg create ssh://server{self._repository}::{self._last:04} {self._hosts.source}"
        )
        service = f"borg serve --restrict-to-path {self._repository}"
        return Command(with_socket(self._hosts, self.disk, way=self._way, service=service, on_desktop=on_desktop))

    def judged(self, cost: Cost) -> Cost:
        """It is done when it ends."""
        return cost

    def newest(self) -> None:
        """Its archives are no folders."""
        return

    def restore(self, path: str | None, folder: str) -> Command:
        """Extract on the Server."""
        wanted = "" if path is None else f" {self._hosts.source.lstrip('/')}/{path}"
        return Command(f"cd {folder} && {_YES} borg extract --numeric-ids {self._repository}::{self._last:04}{wanted}")

    def restored(self, folder: str) -> str:
        """Return where everything comes back to."""
        return f"{folder}{self._hosts.source}"

    def prune(self) -> Command:
        """Have all but the oldest kept, and give its room back."""
        self._kept -= 1
        repository = self._repository
        return Command(f"export {_YES}; borg prune --keep-last {self._kept} {repository} && borg compact {repository}")
