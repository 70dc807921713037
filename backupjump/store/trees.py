"""How the tree of an attempt comes to be, and becomes a snapshot's: one way for each kind of store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from backupjump.config.models import StoreKind
from backupjump.store import btrfs, hardlink

if TYPE_CHECKING:
    from pathlib import Path

    from backupjump.errors import BackupjumpError
    from backupjump.store.layout import JobFolder
    from backupjump.store.record import Hashes
    from backupjump.store.snapshots import Snapshot
    from backupjump.store.staging import Staging


class Trees(Protocol):
    """What a kind of store has to know about the trees of its attempts."""

    def useful_attempts(self, folder: JobFolder, base: Snapshot | None) -> tuple[Path, ...]:
        """Return the older attempts that a new one can use, newest first."""

    def begin(self, staging: Staging, *, run_id: str) -> Staging:
        """Make the work folder and the tree."""

    def is_spoilt(self, because: BackupjumpError | None) -> bool:
        """Whether an attempt that ended `because` of this is worth less than none."""

    def ready_to_list(self, staging: Staging) -> int | None:
        """Take out what must not be published; return since which ctime a file may not be the base's, None for all."""

    def seed(self, staging: Staging, attempt: Staging, hashes: Hashes) -> Staging:
        """Make the tree of what is to be published as seeding: what `attempt` and those before it have got whole.

        `hashes` are rsync's, by path, of what it transferred. The attempts stay as good as they were.
        """

    def seal(self, staging: Staging) -> None:
        """See to it that nobody writes to the tree by mistake, where the kind can."""


TREES: Mapping[StoreKind, Trees] = {StoreKind.HARDLINK: hardlink, StoreKind.BTRFS: btrfs}
