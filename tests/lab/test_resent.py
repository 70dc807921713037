"""What a transfer that was cut sends again, counted by the network interface it comes in by."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from backupjump.errors import BackupjumpError
from backupjump.rsync.plan import Plan, Transfer
from backupjump.rsync.transfer import transfer
from backupjump.store.layout import JobFolder
from backupjump.store.lock import locked
from backupjump.store.publish import publish, record
from backupjump.store.settled import settle
from backupjump.store.stage import stage
from backupjump.store.store import Store, open_store
from fingerprint import fingerprint
from lab.network import Network, network
from rsync_world import plan_of
from store_world import MARKER, RUN, make_store

pytestmark = [pytest.mark.lab, pytest.mark.needs_root]

MB = 1_000_000
SHARES = (0.1, 0.5, 0.9)
# The list of files, the greeting, acknowledgements, and what a connection that ends had on its way.
_SPOKEN = 200_000


@pytest.fixture(scope="module")
def link(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    with network(tmp_path_factory.mktemp("network")) as made:
        yield made


@dataclass(frozen=True)
class Pulls:
    """A job of one source, pulled over the link as a run does."""

    folder: JobFolder
    source: Path
    link: Network

    def pull(self, *, cut_after: int = -1, how: str = "drop") -> int:
        """Try once and return what came in by the interface; without a cut it must publish."""
        with open_store(self.folder.store, uuid=MARKER.uuid) as store, locked(self.folder):
            return self._pull(store, cut_after, how)

    def _pull(self, store: Store, cut_after: int, how: str) -> int:
        staging = stage(store, self.folder, sources=(str(self.source),), run_id="r1")
        plan = self._plan(staging.tree, staging.link_dests(str(self.source)), cut_after, how)
        before = self.link.received_bytes
        if cut_after >= 0:
            with pytest.raises(BackupjumpError):
                transfer(plan)
            if how == "drop":
                settle(store, self.folder, staging.path)
            return self.link.received_bytes - before
        pulled = transfer(plan)
        came = self.link.received_bytes - before
        publish(store, record(store, staging, hashes=pulled.hashes), run=replace(RUN, snapshot=staging.id), how={})
        return came

    def _plan(self, tree: Path, bases: tuple[Path, ...], cut_after: int, how: str) -> Plan:
        target = tree / self.source.relative_to("/")
        plan = plan_of(self.source, target, self.link.shell(cut_after=cut_after, how=how))
        return replace(plan, transfers=(Transfer(source=str(self.source), target=target, link_dests=bases),))

    def assert_whole(self) -> None:
        tree = self.folder.latest / "tree" / self.source.relative_to("/")
        assert fingerprint(tree.resolve()) == fingerprint(self.source)


def fresh(folder: Path, link: Network, size: int) -> Pulls:
    (folder / "source").mkdir(parents=True)
    (folder / "source/small").write_text("here from the beginning")
    pulls = Pulls(make_store(folder / "store"), folder / "source", link)
    pulls.pull()
    (folder / "source/large").write_bytes(random.Random(20261122).randbytes(size))
    return pulls


def change_ten_blocks(path: Path) -> None:
    chance = random.Random(7)
    size = path.stat().st_size
    with path.open("r+b") as file:
        for number in range(10):
            file.seek(size * number // 10 + chance.randrange(size // 20))
            file.write(chance.randbytes(4096))


def measure(tmp_path: Path, link: Network, size: int, *, changed: bool, how: str) -> list[tuple[float, int, int, int]]:
    """Return for each share: what a whole transfer takes, what rsync got before the cut, what came after it."""
    rows = []
    whole = 0
    for share in (None, *SHARES):
        pulls = fresh(tmp_path / f"{changed} {how} {share}".replace(" ", "-"), link, size)
        if changed:
            pulls.pull()
            change_ten_blocks(pulls.source / "large")
        if share is None:
            whole = pulls.pull()
            continue
        cut_after = round(whole * share)
        pulls.pull(cut_after=cut_after, how=how)
        rows.append((share, whole, cut_after, pulls.pull()))
        pulls.assert_whole()
    return rows


def show(kind: str, how: str, rows: list[tuple[float, int, int, int]]) -> None:
    for share, whole, cut_after, after in rows:
        numbers = f"whole {whole:>11,}, cut after {cut_after:>11,}, then sent {after:>11,}"
        print(f"\n{kind:13} {how:5} at {share:4.0%}: {numbers}", end="")  # noqa: T201 (the table, with pytest -s)


def check(tmp_path: Path, link: Network, size: int, how: str) -> None:
    new = measure(tmp_path, link, size, changed=False, how=how)
    delta = measure(tmp_path, link, size, changed=True, how=how)
    show("new file", how, new)
    show("changed file", how, delta)
    for _share, whole, cut_after, after in new:
        assert after <= (whole - cut_after) * 1.05 + _SPOKEN, new
    for _share, whole, _cut_after, after in delta:
        assert after <= whole * 1.05 + _SPOKEN < size / 10, delta


@pytest.mark.parametrize("how", ["drop", "kill"])
def test_a_cut_transfer_sends_only_the_rest(tmp_path: Path, link: Network, how: str) -> None:
    check(tmp_path, link, 16 * MB, how)


@pytest.mark.long
@pytest.mark.parametrize("how", ["drop", "kill"])
def test_a_large_cut_transfer_sends_only_the_rest(tmp_path: Path, link: Network, how: str) -> None:
    check(tmp_path, link, 200 * MB, how)


def test_the_naive_way_to_go_on_with_a_delta_sends_the_end_of_the_file_again(tmp_path: Path, link: Network) -> None:
    """With the half-written file as it is, as `rsync --partial-dir` leaves it."""
    pulls = fresh(tmp_path / "naive", link, 16 * MB)
    pulls.pull()
    change_ten_blocks(pulls.source / "large")
    pulls.pull(cut_after=50_000)
    partial = next(pulls.folder.work.glob("*/tree/**/.~backupjump-partial~/large"))
    half = partial.stat().st_size
    target, base = tmp_path / "target", pulls.folder.latest.resolve() / "tree" / pulls.source.relative_to("/")
    (target / partial.parent.name).mkdir(parents=True)
    partial.rename(target / partial.parent.name / "large")
    before = link.received_bytes

    transfer(plan_of(pulls.source, target, link.shell(), base))

    assert link.received_bytes - before > 0.9 * (16 * MB - half)
    assert (target / "large").stat().st_size == 16 * MB
