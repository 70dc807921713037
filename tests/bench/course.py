"""The course of a benchmark as a list of steps, made before anything runs. Pure.

Programs take turns: each does one work on the same tree, then the next one, and each round another one begins. What
needs snapshots that nobody asked to be measured gets them, not counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

TREES = ("home", "big", "tiny")
STORES = ("ext4", "btrfs")
FOLDER = "folder"  # on loopback, on whatever there is
FIRST, NOTHING, CHANGED, ONE, ALL, PRUNE = "first", "nothing-changed", "changed", "restore-one", "restore-all", "prune"
WORKS = {
    FIRST: "first pull",
    NOTHING: "nothing changed",
    CHANGED: "1 % changed",
    ONE: "one file restored",
    ALL: "all restored",
    PRUNE: "oldest snapshot deleted",
}
LAN, WAN, COLD = "lan", "wan", "cold"
ROWS = {LAN: "", WAN: "slow line", COLD: "cold caches"}
PULLS = (NOTHING, CHANGED)
BASELINE = "rsync"
OURS = "backupjump"
PEERS = (BASELINE, "rsnapshot", "borg", "restic", OURS)
PTY = "+pty"
# What a better tunnel alone gives shows at rsync by hand, and restic's sftp is cruel to the usual one.
PEERS_ON = {"ext4": (*PEERS, BASELINE + PTY, "restic" + PTY), "btrfs": (BASELINE, OURS), FOLDER: PEERS}
# Through `ssh -N` restic gets 4 MB a second: a quarter of an hour for each first pull.
_TOO_LONG = {"big": "restic"}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is to be measured. Empty `peers` and `rows` mean those that make sense for a store or a tree."""

    trees: Sequence[str] = TREES
    stores: Sequence[str] = STORES
    rows: Sequence[str] = ()
    works: Sequence[str] = tuple(WORKS)
    peers: Sequence[str] = ()
    missing: Sequence[str] = ()
    times: int = 3
    divisor: int = 1

    def peers_on(self, store: str, tree: str) -> list[str]:
        """Return who takes part, with the one that all are compared with first."""
        wanted = self.peers or PEERS_ON[store]
        if not self.peers and self.divisor > 1:
            wanted = [peer for peer in wanted if peer in PEERS]
        if not self.peers and tree in _TOO_LONG:
            wanted = [peer for peer in wanted if peer != _TOO_LONG[tree]]
        return [peer for peer in wanted if peer.removesuffix(PTY) not in self.missing]

    @property
    def everyone(self) -> list[str]:
        """Return who takes part anywhere."""
        stands = ((store, tree) for store in self.stores for tree in self.trees)
        return list(dict.fromkeys(peer for stand in stands for peer in self.peers_on(*stand)))

    def rows_of(self, work: str, tree: str) -> list[str]:
        """Return the rows of a work: a line or a cache that is slow matters to what is done every night."""
        if self.rows:
            return [row for row in self.rows if row == LAN or work in (FIRST, *PULLS)]
        if work not in PULLS or tree != "home":
            return [LAN]
        return [LAN, WAN, COLD] if self.divisor == 1 or work == NOTHING else [LAN]


@dataclass(frozen=True)
class MakeTree:
    """Make the source."""

    tree: str


@dataclass(frozen=True)
class Renew:
    """Give these programs a new filesystem each."""

    tree: str
    store: str
    peers: tuple[str, ...]


@dataclass(frozen=True)
class Mutate:
    """Change the source."""

    seed: int


@dataclass(frozen=True)
class Compare:
    """See that the newest snapshots look like the source."""

    peers: tuple[str, ...]


@dataclass(frozen=True)
class Measure:
    """Have one program do one work; what is not `counted` is only there for others to stand on."""

    tree: str
    store: str
    row: str
    work: str
    peer: str
    round: int
    counted: bool = True


Step = MakeTree | Renew | Mutate | Compare | Measure


def steps(asked: Asked) -> list[Step]:
    """Return all that is to be done, in order."""
    return list(_Course(asked).all())


@dataclass
class _Course:
    asked: Asked
    _mutations: int = field(default=0)

    def all(self) -> Iterator[Step]:
        for tree in self.asked.trees:
            yield MakeTree(tree)
            for store in self.asked.stores:
                yield from self._on(tree, store)

    def _on(self, tree: str, store: str) -> Iterator[Step]:
        peers = self.asked.peers_on(store, tree)
        snapshots = 0
        for row in self._rows(FIRST, tree) or [LAN]:
            for number in range(self.asked.times if FIRST in self.asked.works else 1):
                yield Renew(tree, store, tuple(peers))
                yield from self._round(tree, store, row, FIRST, number)
        yield Compare(tuple(peers))
        snapshots = 1
        for work in PULLS:
            for row in self._rows(work, tree):
                for number in range(self.asked.times):
                    if work == CHANGED:
                        yield self._mutation()
                    yield from self._round(tree, store, row, work, number)
                    snapshots += 1
        yield Compare(tuple(peers))
        for work in (ONE, ALL):
            for row in self._rows(work, tree):
                for number in range(self.asked.times):
                    yield from self._round(tree, store, row, work, number)
        if PRUNE in self.asked.works:
            for number in range(snapshots, self.asked.times + 1):
                yield from self._round(tree, store, LAN, NOTHING, number, counted=False)
            for number in range(self.asked.times):
                yield from self._round(tree, store, LAN, PRUNE, number)

    def _rows(self, work: str, tree: str) -> list[str]:
        return self.asked.rows_of(work, tree) if work in self.asked.works else []

    def _mutation(self) -> Mutate:
        self._mutations += 1
        return Mutate(self._mutations)

    def _round(
        self, tree: str, store: str, row: str, work: str, number: int, *, counted: bool = True
    ) -> Iterator[Measure]:
        peers = self.asked.peers_on(store, tree)
        if work not in (FIRST, *PULLS):  # what a tunnel has no part in
            peers = [peer for peer in peers if peer.removesuffix(PTY) == peer or peer.removesuffix(PTY) not in peers]
        turned = peers[number % len(peers) :] + peers[: number % len(peers)]
        counted = counted and work in self.asked.works
        yield from (Measure(tree, store, row, work, peer, number, counted) for peer in turned)
