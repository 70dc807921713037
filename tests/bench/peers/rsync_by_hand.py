"""rsync as it is typed by hand, over ssh as it is by default: what all others are compared with."""

from __future__ import annotations

from dataclasses import replace

from bench.hosts.host import BY_HAND, Command, Cost, Hosts

FLAGS = "-aHAX --numeric-ids"


class RsyncByHand:
    """A folder a snapshot, each linked to the one before."""

    name = "rsync"

    def __init__(self, hosts: Hosts, *, way: str = BY_HAND) -> None:
        self.disk = self.name if way == BY_HAND else f"{self.name}-pty"
        self._hosts = hosts
        self._way = way
        self._folder = ""
        self._first, self._last = 1, 0

    def begin(self, folder: str) -> None:
        """Start anew."""
        self._folder, self._first, self._last = folder, 1, 0

    def pull(self) -> Command:
        """Return the rsync into the next folder."""
        link = f" --link-dest={self._snapshot(self._last)}" if self._last else ""
        self._last += 1
        rsh = "" if self._hosts.ssh == "ssh" else f" -e '{self._hosts.ssh}'"
        source = f"{self._way}:{self._hosts.source}/"
        return Command(f"rsync {FLAGS}{link}{rsh} {source} {self._snapshot(self._last)}/")

    def judged(self, cost: Cost) -> Cost:
        """It is done when it ends."""
        return replace(cost)

    def newest(self) -> str:
        """Return the last folder."""
        return self._snapshot(self._last)

    def restore(self, path: str | None, folder: str) -> Command:
        """Copy out of the last folder."""
        if path is None:
            return Command(f"rsync {FLAGS} {self.newest()}/ {folder}/")
        return Command(f"rsync {FLAGS} {self.newest()}/{path} {folder}/")

    def restored(self, folder: str) -> str:
        """Return where everything comes back to."""
        return folder

    def prune(self) -> Command:
        """Delete the oldest folder."""
        self._first += 1
        return Command(f"rm -rf {self._snapshot(self._first - 1)}")

    def _snapshot(self, number: int) -> str:
        return f"{self._folder}/{number:04}"
