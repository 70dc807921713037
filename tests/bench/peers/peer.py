"""What the benchmark asks of each program that it compares."""

from __future__ import annotations

from typing import Protocol

from bench.hosts.host import Command, Cost

RESTORED = "restored"


class Peer(Protocol):
    """One program on one disk of its own, which has the snapshots that it was asked for since `begin`.

    Commands are built here and run by whoever measures them.
    """

    name: str
    # Of its disk on the Server, among the hosts' disks.
    disk: str

    def begin(self, folder: str) -> None:
        """Forget all snapshots; from now on they go to the empty disk at `folder`."""

    def pull(self) -> Command:
        """Return what makes the next snapshot of the source."""

    def judged(self, cost: Cost) -> Cost:
        """Return what a pull cost, seen as this program means it."""

    def newest(self) -> str | None:
        """Return the Server's folder that looks like the source did at the last pull; None if there are none."""

    def restore(self, path: str | None, folder: str) -> Command:
        """Return what brings one file, by its path below the source, or everything back to below `folder`."""

    def restored(self, folder: str) -> str:
        """Return the folder below `folder` that everything comes back to."""

    def prune(self) -> Command:
        """Return what deletes the oldest snapshot."""
