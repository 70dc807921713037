"""How the tree of an attempt comes to be, and becomes a snapshot's: one way for each kind of store."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from backupjump.config.models import StoreKind
from backupjump.store import btrfs, hardlink

if TYPE_CHECKING:
    from pathlib import Path

    from backupjump.errors import BackupjumpError
    from backupjump.store.change_list import Change
    from backupjump.store.layout import JobFolder
    from backupjump.store.record import Hashes
    from backupjump.store.snapshots import Snapshot
    from backupjump.store.staging import Staging


class Trees(Protocol):
    """What a kind of store has to know about the trees of its attempts."""

    def useful_attempts(self, folder: JobFolder, base: Snapshot | None) -> tuple[Path, ...]:
        """Return the older attempts that a new one can use, newest first."""

    def begin(self, staging: Staging, *, run_id: str, may_list: bool = False) -> Staging:
        """Make the work folder and the tree; with `may_list`, `for_whole` or `make_way` comes before rsync."""

    def for_whole(self, staging: Staging, moved: Mapping[bytes, bytes]) -> None:
        """See to it that rsync may write to all of the tree, and finds what has `moved` (as in `make_way`)."""

    def is_spoilt(self, because: BackupjumpError | None) -> bool:
        """Whether an attempt that ended `because` of this is worth less than none."""

    def ready_to_list(self, staging: Staging) -> int | None:
        """Take out what must not be published; return since which ctime a file may not be the base's, None for all."""

    def make_way(self, staging: Staging, changes: Sequence[Change], moved: Mapping[bytes, bytes]) -> None:
        """Have a tree with all of the base that is to stay, before rsync brings `changes`.

        `moved` has, by the path of now, the one before. GraftFailed where that can't be.
        """

    def take_in(self, staging: Staging, changes: Sequence[Change], wanted: Collection[bytes]) -> Collection[bytes]:
        """Make the staging's tree whole with what rsync brought of the `wanted` paths; GraftFailed if it can't be.

        Returns the folders whose attributes may be others than the base's, though no list said so.
        """

    def seed(self, staging: Staging, attempt: Staging, hashes: Hashes) -> Staging:
        """Make the tree of what is to be published as seeding: what `attempt` and those before it have got whole.

        `hashes` are rsync's, by path, of what it transferred. The attempts stay as good as they were.
        """

    def seal(self, staging: Staging) -> None:
        """See to it that nobody writes to the tree by mistake, where the kind can."""


TREES: Mapping[StoreKind, Trees] = {StoreKind.HARDLINK: hardlink, StoreKind.BTRFS: btrfs}
