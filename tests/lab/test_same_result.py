"""A pull by a list makes the very tree that a whole one makes, whatever happens between two pulls."""

from __future__ import annotations

import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from backupjump.config.models import Ownership, StoreKind
from backupjump.operations.by_list import names
from backupjump.rsync.pulled import Kind, LeftOut
from backupjump.run import Counts
from backupjump.store.manifest import Entry, read_manifest
from backupjump.store.subvolume import is_subvolume
from backupjump.store.suspicion import covered
from changing_desktop import STEPS, ChangingDesktop, Step, allocated, for_home
from fingerprint import Print, fingerprint
from lab.filesystems import command, disk
from list_world import Side, Taken, prepare_next, pull_as_ever, pull_whole
from other_user import acting_as
from rsync_world import remote_shell
from store_world import make_store

pytestmark = [pytest.mark.lab, pytest.mark.needs_root]

USER, LOGIN = 12345, 4242
MAX_SIZE = 20_000
LOG_IN_AS_LOGIN = f'exec setpriv --reuid {LOGIN} --regid {LOGIN} --clear-groups sh -c "$*"'
# What rsync's quick check can't see, and what has moved, is told by other tests: a file is taken for one that moved by
# its inode, size and time.
MOVES = frozenset({"rename", "rename_folder", "swap", "hard_link", "join"})
# With --fake-super rsync 3.5.0 forgets ACLs beside other attributes, and gets masks wrong, here and there: which ones
# depends on what else it brings (measured).
ACLS = frozenset({"acl", "acl_of_folder"})
COUNTED = ("files_total", "bytes_total", "files_new", "files_changed", "files_deleted")


@dataclass(frozen=True, kw_only=True)
class World:
    """Who pulls into what, and who is asked."""

    kind: StoreKind
    ownership: Ownership = Ownership.NATIVE
    server: int = 0
    login: int = 0

    def __str__(self) -> str:
        who = "a plain user" if self.server else "root"
        return f"{self.kind}, {self.ownership}, by {who}" + (", not all readable" if self.login else "")


@dataclass(frozen=True, kw_only=True)
class Night:
    """What happens before one pull; `prepared`: with a tree of links made ahead.

    As with very many names, `trusting`: rsync is not to look whether what comes was asked for, where it needs not;
    `at_once`: and where it has to, several rsyncs bring so many each.
    """

    steps: tuple[Step, ...]
    prepared: bool
    trusting: bool = False
    at_once: int = names.AT_ONCE


def worlds() -> list[World]:
    """Return all who can be told apart."""
    return [
        each
        for kind in StoreKind
        for each in (
            World(kind=kind),
            World(kind=kind, ownership=Ownership.FAKE_SUPER, server=USER),
            World(kind=kind, ownership=Ownership.PLAIN, server=USER),
            World(kind=kind, login=LOGIN),
        )
    ]


@st.composite
def histories(draw: st.DrawFn, world: World) -> list[Night]:
    """Return what happens before the first pull and before each of six others."""
    left_out = draw(st.sampled_from([frozenset({"edit_unseen"}), MOVES]))
    if world.ownership is Ownership.FAKE_SUPER:
        left_out |= ACLS
    numbers = st.integers(0, 999)
    steps = st.builds(Step, st.sampled_from(sorted(STEPS.keys() - left_out)), numbers, numbers, numbers)
    first = draw(st.lists(steps, min_size=12, max_size=20))
    some = st.lists(steps, max_size=8).map(tuple)
    few = st.sampled_from([1, 2, 5, names.AT_ONCE])
    nights = st.builds(Night, steps=some, prepared=st.booleans(), trusting=st.booleans(), at_once=few)
    return [Night(steps=tuple(first), prepared=False), *draw(st.lists(nights, min_size=6, max_size=7))]


@pytest.fixture(scope="module")
def disks() -> Iterator[Mapping[StoreKind, Path]]:
    """Give a disk for each kind of store; in memory, where syncing each snapshot costs no time."""
    memory = Path("/dev/shm")
    with (
        open_folder(memory if memory.is_dir() else None) as place,
        disk("ext4", place / "ext4", mebibytes=1024) as ext4,
        disk("btrfs", place / "btrfs", mebibytes=1024) as btrfs,
    ):
        yield {StoreKind.HARDLINK: ext4.folder, StoreKind.BTRFS: btrfs.folder}


@contextmanager
def open_folder(folder: Path | None = None) -> Iterator[Path]:
    """Give a folder of its own that other users get to, and take away the subvolumes in it at the end."""
    with tempfile.TemporaryDirectory(prefix="backupjump-test-", dir=folder) as name:
        Path(name).chmod(0o755)
        try:
            yield Path(name)
        finally:
            found = [each for each in Path(name).rglob("tree") if each.is_dir() and is_subvolume(each)]
            if found:
                command("btrfs", "subvolume", "delete", *found)


@pytest.mark.parametrize("world", worlds(), ids=str)
def test_both_ways_make_one_snapshot(world: World, disks: Mapping[StoreKind, Path]) -> None:
    try_histories(world, disks[world.kind], count=2, always_the_same=True)


@pytest.mark.long
@pytest.mark.parametrize("world", worlds(), ids=str)
def test_both_ways_make_one_snapshot_in_very_many_histories(world: World, disks: Mapping[StoreKind, Path]) -> None:
    try_histories(world, disks[world.kind], count=int(os.environ.get("HISTORIES", "100")))


def try_histories(world: World, stores: Path, *, count: int, always_the_same: bool = False) -> None:
    ways: Counter[str] = Counter()

    @settings(
        max_examples=count,
        deadline=None,
        derandomize=always_the_same,
        phases=[Phase.generate] if always_the_same else [Phase.generate, Phase.shrink],
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(histories(world))
    def check(nights: Sequence[Night]) -> None:
        with open_folder(stores) as place:
            ways.update(compared(world, place, nights))

    check()
    by_list, pulls = ways["by list"], ways.total()
    sys.stdout.write(f"\n{world}: {by_list} of {pulls} pulls went by the list")
    sys.stdout.writelines(f"\n  {number} whole: {why}" for why, number in ways.most_common() if why != "by list")
    assert by_list >= 0.8 * pulls, ways


def compared(world: World, place: Path, nights: Sequence[Night]) -> list[str]:
    """Pull after each night by both ways; return by which way the second went each time, or why by the other."""
    desktop = ChangingDesktop(place / "home" / "me")
    shell = remote_shell(place, LOG_IN_AS_LOGIN) if world.login else remote_shell(place)
    whole, listed = (side(world, place / name, desktop.home, shell) for name in ("whole", "listed"))
    ways: list[str] = []
    for number, night in enumerate(nights):
        for step in night.steps:
            desktop.do(step)
        if world.login or world.server:
            # Else it can't be read at all; and into a source's own folder that is read-only a plain user's rsync 3.5.0
            # brings now all, now less (measured).
            desktop.home.chmod(0o755)
        one = pull_whole(whole, desktop.home)
        if number == 0:
            other = pull_whole(listed, desktop.home)
        else:
            if night.prepared:
                prepare_next(listed)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(names, "FEW", 0 if night.trusting else names.FEW)
                patch.setattr(names, "AT_ONCE", night.at_once)
                other = pull_as_ever(listed, desktop.home)
            ways.append(reason(other))
        differs = difference(one, other, desktop.home)
        assert differs == [], f"night {number}, {ways[-1:]}: " + "\n".join(differs)
    return ways


def side(world: World, store: Path, home: Path, shell: tuple[str, ...]) -> Side:
    folder = make_store(store, kind=world.kind, ownership=world.ownership)
    for path in (store, *store.rglob("*")):
        os.chown(path, world.server, world.server)
    return Side(
        folder=folder,
        shell=shell,
        exclude=for_home(home),
        max_size=MAX_SIZE,
        server=world.server,
        login=world.login,
    )


def reason(taken: Taken) -> str:
    return taken.whole.partition(":")[0] if taken.whole else "by list"


def difference(one: Taken, other: Taken, home: Path) -> list[str]:
    """Say what differs between two snapshots of `home`: the trees, the manifests, what was counted and told.

    But for the attributes of what rsync said it could not make whole: a plain user's rsync 3.5.0 can't give a folder
    that he may not write to what the base's has, and can the second time, when another rsync has made it.
    """
    place = str(home)[1:]
    torn = {each.path for each in one.pulled.left_out if each.kind is Kind.NOT_WHOLE}
    expected, got = (
        {
            name: replace(each, xattrs=()) if os.fsencode(f"{place}/{name}") in torn else each
            for name, each in fingerprint(taken.tree / place).items()
        }
        for taken in (one, other)
    )
    told, retold = (
        [replace(entry, ino=0, **({"xattrs": None} if entry.path in torn else {})) for entry in manifest(each)]
        for each in (one, other)
    )
    counts, recounts = one.published.counts, other.published.counts
    return [
        *different(expected, got),
        *([] if allocated(one.tree / place) == allocated(other.tree / place) else ["holes"]),
        *(f"manifest: {a} != {b}" for a, b in zip(told, retold, strict=False) if a != b),
        *([] if len(told) == len(retold) else [f"manifest: {len(told)} != {len(retold)} entries"]),
        *([] if {each.path for each in told} == names_of(one, home) else ["manifest: other names than the tree"]),
        *(text for name in COUNTED if (text := unlike(name, counts, recounts))),
        *([] if one.lost == other.lost else [f"{one.lost} != {other.lost}"]),
        *(f"left out by one alone: {each}" for each in alone(one, other) + alone(other, one)),
    ]


def alone(one: Taken, other: Taken) -> list[LeftOut]:
    """Return what one says it has left out and the other does not.

    Not what concerns the basis alone: a plain user's store may have files that he can't read. Of a folder that can be
    listed and not gone into rsync names the folder, the list what is in it and not left out.
    """
    said = [(each.path, each.kind) for each in other.pulled.left_out]
    return [
        each
        for each in one.pulled.left_out
        if each.kind is not Kind.NOT_WHOLE
        and not can_be_listed(b"/" + each.path)
        and not any(
            kind == each.kind and (covered(path, [each.path]) or covered(each.path, [path])) for path, kind in said
        )
    ]


def can_be_listed(path: bytes) -> bool:
    with acting_as(LOGIN):
        return os.access(path, os.R_OK, effective_ids=True) and os.path.isdir(path)  # noqa: PTH112 (bytes)


def manifest(taken: Taken) -> list[Entry]:
    return list(read_manifest(taken.published.snapshot.manifest))


def names_of(taken: Taken, home: Path) -> set[bytes]:
    place = os.fsencode(str(home)[1:])
    names = fingerprint(taken.tree / os.fsdecode(place))
    return {place if name == "." else place + b"/" + os.fsencode(name) for name in names}


def unlike(name: str, counts: Counts, recounts: Counts) -> str:
    one, other = getattr(counts, name), getattr(recounts, name)
    return "" if one == other else f"{name}: {one} != {other}"


def different(expected: dict[str, Print], got: dict[str, Print]) -> list[str]:
    """Say what differs, path by path."""
    paths = sorted(path for path in expected.keys() | got.keys() if expected.get(path) != got.get(path))
    names = [each.name for each in fields(Print)]
    return [
        f"{path}: {name}: {one!r} != {other!r}"
        for path in paths
        for name in names
        if (one := getattr(expected.get(path), name, None)) != (other := getattr(got.get(path), name, None))
    ]
