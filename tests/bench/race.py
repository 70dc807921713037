"""Carries out the steps of a course, and tells each sample as it comes."""

from __future__ import annotations

import filecmp
import os
import random
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from bench.course import (
    COLD,
    FIRST,
    LAN,
    ONE,
    PRUNE,
    PULLS,
    WAN,
    WORKS,
    Compare,
    MakeTree,
    Measure,
    Mutate,
    Renew,
    Step,
)
from bench.hosts.host import Command, Hosts
from bench.peers.peer import RESTORED, Peer
from bench.samples import Sample
from bench.trees import SHAPES, Shape, make_tree, mutate

# One in so many files of a snapshot is read to its end when it is compared.
_READ_SHARE = 20


class Race:
    """`on_step` is told what is about to be done, in words, and what came of it."""

    def __init__(
        self, hosts: Hosts, peers: Mapping[str, Peer], *, divisor: int, on_step: Callable[[str], None]
    ) -> None:
        self._hosts = hosts
        self._peers = peers
        self._divisor = divisor
        self._on_step = on_step
        self._row = LAN
        self._line = ExitStack()
        self._folders: dict[str, str] = {}
        self._shape = SHAPES["home"]

    def run(self, steps: Sequence[Step]) -> Iterator[Sample]:
        """Carry them out; yield what is counted. AssertionError for a program that fails, and for a wrong snapshot."""
        with self._line:
            for number, step in enumerate(steps, start=1):
                self._number = f"[{number}/{len(steps)}]"
                if isinstance(step, Measure):
                    sample = self._measure(step)
                    if step.counted:
                        yield sample
                else:
                    self._prepare(step)

    def _prepare(self, step: Step) -> None:
        if isinstance(step, MakeTree):
            self._shape = SHAPES[step.tree].scaled(self._divisor) if self._divisor > 1 else SHAPES[step.tree]
            self._say(f"making {step.tree}: {self._shape.files} files, {self._shape.total_bytes / 1e6:.0f} MB")
            self._hosts.fresh_source(gigabytes=_gigabytes(self._shape))
            make_tree(self._hosts.source_here(), self._shape)
            self._own_source()
        elif isinstance(step, Renew):
            for name in step.peers:
                peer = self._peers[name]
                self._folders[name] = self._hosts.fresh_disk(peer.disk, step.store, gigabytes=_gigabytes(self._shape))
                peer.begin(self._folders[name])
        elif isinstance(step, Mutate):
            mutate(self._hosts.source_here(), seed=step.seed)
            self._own_source()
        elif isinstance(step, Compare):
            self._say("comparing the snapshots with the source")
            for name in step.peers:
                if (newest := self._peers[name].newest()) is not None:
                    same(self._hosts.source_here(), self._hosts.path_here(newest))

    def _measure(self, step: Measure) -> Sample:
        peer = self._peers[step.peer]
        self._stand_on(step.row)
        command, after = self._command(step, peer)
        self._settle(cold=step.row == COLD)
        busy = _busy_seconds()
        cost = self._hosts.measure(command)
        elsewhere = _busy_seconds() - busy - sum(cost.cpu_seconds.values())
        if step.work in (FIRST, *PULLS):
            cost = peer.judged(cost)
        after()
        self._say(f"{title(step)}: {step.peer} {cost.seconds:.2f} s")
        return Sample(
            tree=step.tree,
            store=step.store,
            row=step.row,
            work=step.work,
            peer=step.peer,
            round=step.round,
            line=command.line,
            seconds=cost.seconds,
            command_seconds=cost.command_seconds,
            all_seconds=cost.all_seconds,
            cpu_seconds=cost.cpu_seconds,
            memory_bytes=cost.memory_bytes,
            wire_bytes=cost.wire_bytes,
            store_bytes=self._hosts.used_bytes(self._folders[step.peer]),
            elsewhere_seconds=max(elsewhere, 0.0),
        )

    def _command(self, step: Measure, peer: Peer) -> tuple[Command, Callable[[], None]]:
        """Return what is to be measured, and what looks afterwards whether it did its work."""
        if step.work in (FIRST, *PULLS):
            return peer.pull(), lambda: None
        if step.work == PRUNE:
            return peer.prune(), lambda: None
        path = self._some_file() if step.work == ONE else None
        folder = f"{self._hosts.fresh_disk(RESTORED, 'ext4', gigabytes=_gigabytes(self._shape))}/{step.peer}"
        self._hosts.path_here(folder).mkdir()
        here = self._hosts.path_here(peer.restored(folder))

        def look() -> None:
            if path is None:
                same(self._hosts.source_here(), here)
            else:
                (found,) = self._hosts.path_here(folder).rglob(Path(path).name)
                assert filecmp.cmp(found, self._hosts.source_here() / path, shallow=False), found

        return peer.restore(path, folder), look

    def _some_file(self) -> str:
        """Return the path of a file in the middle of the source."""
        top = self._hosts.source_here()
        files = sorted(each for each in top.rglob("*") if each.is_file() and not each.is_symlink())
        return str(files[len(files) // 2].relative_to(top))

    def _stand_on(self, row: str) -> None:
        if (row == WAN) != (self._row == WAN):
            self._line.close()
            if row == WAN:
                self._line.enter_context(self._hosts.wide_area())
        self._row = row

    def _settle(self, *, cold: bool) -> None:
        """Have nothing of what was before be written beside what is measured; and if `cold`, all memory of it gone."""
        os.sync()
        if cold:
            Path("/proc/sys/vm/drop_caches").write_text("3")

    def _own_source(self) -> None:
        """Give what this process has made to the source's owner; all else keeps the ctime that it has."""
        top = self._hosts.source_here()
        owner, own = top.stat(), f"{os.geteuid()}:{os.getegid()}"
        subprocess.run(["chown", "-hR", f"--from={own}", f"{owner.st_uid}:{owner.st_gid}", top], check=True)
        os.sync()

    def _say(self, text: str) -> None:
        self._on_step(f"{self._number} {text}")


def title(step: Measure) -> str:
    """Return what is done, in words."""
    uncounted = "" if step.counted else " (not counted)"
    return f"{step.tree}, {step.store}, {step.row}: {WORKS[step.work]}{uncounted}"


def same(source: Path, copy: Path) -> None:
    """AssertionError unless the two trees have the same names, kinds, sizes, times, owners and modes; some are read."""
    wanted, found = _listed(source), _listed(copy)
    assert wanted == found, sorted(wanted.items() ^ found.items())[:10]
    files = sorted(name for name, entry in wanted.items() if entry[0] == "f")
    for name in random.Random(0).sample(files, k=min(len(files), 10 + len(files) // _READ_SHARE)):
        assert filecmp.cmp(source / name, copy / name, shallow=False), name


def _listed(top: Path) -> dict[str, tuple[object, ...]]:
    found: dict[str, tuple[object, ...]] = {}
    pending = [""]
    while pending:
        folder = pending.pop()
        with os.scandir(top / folder) as entries:
            for entry in entries:
                name = f"{folder}/{entry.name}".lstrip("/")
                stat = entry.stat(follow_symlinks=False)
                owners = (stat.st_uid, stat.st_gid, stat.st_mode)
                if entry.is_dir(follow_symlinks=False):
                    pending.append(name)
                    found[name] = ("d", *owners)
                elif entry.is_symlink():
                    found[name] = ("l", *owners[:2], Path(entry).readlink())
                else:
                    found[name] = ("f", *owners, stat.st_size, stat.st_mtime_ns)
    return found


def _gigabytes(shape: Shape) -> float:
    """Return how large a disk must be for many snapshots; what is not written takes no room."""
    return max(4 + 6 * shape.total_bytes / 1e9, shape.files * 64 / 1e6)


def _busy_seconds() -> float:
    """Return what all processors have worked so far, by proc_stat(5): user, nice, system, irq, softirq."""
    fields = Path("/proc/stat").read_text().split(maxsplit=8)
    return sum(int(fields[index]) for index in (1, 2, 3, 6, 7)) / os.sysconf("SC_CLK_TCK")
