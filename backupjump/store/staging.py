"""The value that an attempt is: a work folder with a tree to fill, and what it builds on. stage.py makes one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from backupjump.config.models import StoreKind
from backupjump.store.snapshots import TREE_NAME

if TYPE_CHECKING:
    from backupjump.store.layout import JobFolder
    from backupjump.store.snapshots import Snapshot

# rsync.h, MAX_BASIS_DIRS: more than 20 --link-dest are a usage error.
MAX_LINK_DESTS = 20
LINKED_NAME = "linked"


@dataclass(frozen=True, kw_only=True)
class Staging:
    """An attempt under way: a tree to fill, the snapshot it builds on, older attempts newest first.

    `base` is the newest snapshot that can be built on, a suspect one too; `last_good` is what the result is
    judged against, and the same one unless a suspect one awaits its `ack`. `seeding` is what has arrived so far
    of a first backup, to link to. `publishes_seeding`: the tree is to be such a one itself, and no attempt.
    `sequence` is the number of the publication that this would be. `touched_since_ns` is of a tree that was the
    base's when it was made (a btrfs store): what has an older ctime still is what the base has. `goes_on`: it has
    what an attempt before it had done to its own copy. `keeps_links`: two names in it may be one file, so that
    rsync must not write to it anywhere.
    """

    id: str
    sequence: int
    folder: JobFolder
    sources: tuple[str, ...]
    base: Snapshot | None
    last_good: Snapshot | None
    older: tuple[Path, ...]
    made_for_partials: Mapping[Path, int] = field(default_factory=dict)
    kind: StoreKind = StoreKind.HARDLINK
    touched_since_ns: int = 0
    seeding: Snapshot | None = None
    publishes_seeding: bool = False
    goes_on: bool = False
    keeps_links: bool = False

    @property
    def path(self) -> Path:
        """The work folder, 0700; it becomes the snapshot's. Only an attempt's is named by an id."""
        return self.folder.work / (f"seeding-{self.id}" if self.publishes_seeding else self.id)

    @property
    def tree(self) -> Path:
        """The folder below which each source is to lie at its own path."""
        return self.path / TREE_NAME

    @property
    def aside(self) -> Path:
        """The folder for what a run needs on the way and nobody after it: it is never published."""
        return self.path / "aside"

    @property
    def linked(self) -> Path:
        """The tree of links to the base that becomes the next snapshot's where a list tells what changed."""
        return self.path / LINKED_NAME

    @property
    def moved(self) -> Path:
        """The tree in which files that have only moved lie where they are now, for rsync to link to."""
        return self.aside / "moved"

    def link_dests(self, source: str) -> tuple[Path, ...]:
        """Return what rsync may link to for a source, best first, at most 20.

        Snapshots come first: with an attempt first, its shorter file would be the basis of a delta.
        Only folders that exist are named: rsync copies everything when one is missing.
        """
        snapshots = dict.fromkeys(each.path for each in (self.base, self.last_good, self.seeding) if each is not None)
        trees = (*(each / TREE_NAME for each in snapshots), self.moved, *(each / TREE_NAME for each in self.older))
        folders = (each / source.lstrip("/") for each in trees)
        real = [folder for folder in folders if folder.is_dir() and not folder.is_symlink()]
        return tuple(real[:MAX_LINK_DESTS])
