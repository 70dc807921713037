"""A backup killed before its n-th operation, on a disk that may lose its power then; and what must hold afterwards.

The operations are all that Python says it does to the store, and each name that rsync tells of. A template
of the disk is made once, so that every point begins with the very same store: snapshots that share files,
an attempt that broke off, a snapshot whose deletion was not finished.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path

from backupjump.config.models import PARTIAL_FOLDER, StoreKind
from backupjump.run import Run
from backupjump.store.layout import JobFolder
from backupjump.store.lock import locked
from backupjump.store.marker import write_marker
from backupjump.store.runs import append_run
from backupjump.store.snapshots import list_snapshots
from backupjump.store.staging import Staging
from backupjump.store.trash import empty_trash, throw_away
from lab.crash_oracle import Scene, prints, violations_of, violations_of_next
from lab.filesystems import Disk, command, disk
from store_world import AT, FAR_SENDER, MARKER, attempt, make_store, take, write

KILL = "kill"
POWER_CUT = "power cut"
# Ours are not the only files on a disk: whoever syncs one of his makes names last, ours too, before their data.
POWER_CUT_AFTER_A_SYNC = "power cut after another's sync"

STORES = (
    ("ext4", StoreKind.HARDLINK),
    ("xfs", StoreKind.HARDLINK),
    ("btrfs", StoreKind.HARDLINK),
    ("btrfs", StoreKind.BTRFS),
)

Backup = Callable[[JobFolder, Path, Callable[[str], None]], None]
Take = Callable[..., Run]
Look = Callable[[Scene, list[str]], list[str]]

_WRITES = frozenset(
    {"os.chmod", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink", "os.utime", "ctypes.dlsym"}
)
_IN_PLACE = ("--inplace", "--no-whole-file", "--delete")
_RSYNC_SAID = "lab.rsync"
_SECONDS = 60


@dataclass(frozen=True)
class Point:
    """What was found after one kill; `fired` is false when the backup had fewer operations and ended well."""

    nth: int
    fired: bool
    violations: tuple[str, ...]


@contextmanager
def scene(
    kind: str, folder: Path, *, store_kind: StoreKind = StoreKind.HARDLINK, take_last: Take | None = None
) -> Iterator[Scene]:
    """Make the template; `folder` holds everything, `take_last` takes the last snapshot if it is another way.

    Then no attempt is left on btrfs, which a run would only go on with.
    """
    source, place, template = folder / "home", folder / "disk", folder / "template.image"
    with disk(kind, place, image=folder / "making.image") as made:
        job = make_store(place / "store")
        write_marker(job.store, replace(MARKER, kind=store_kind))
        for number in range(4):
            fill_source(source, number)
            by = take_last if take_last is not None and number == 3 else take_here
            append_run(job, by(job, source, days=number))
        if take_last is None or store_kind is not StoreKind.BTRFS:
            attempt(job, lambda staging: broken_off(staging, source), sources=(str(source),))
        throw_away(job, [list_snapshots(job)[0].id])
        fill_source(source, 5)
        before = prints(job)
        made.unmount()
        shutil.copyfile(made.image, template)
    command("fallocate", "--dig-holes", template)
    yield Scene(kind=kind, template=template, place=place, source=source, before=before)


def crash(
    scene: Scene,
    way: str,
    nth: int,
    *,
    backup: Backup | None = None,
    look: Look | None = None,
    take_next: Take | None = None,
) -> Point:
    """Kill a backup before its `nth` operation, cut the power if the way says so, and look; then back up again.

    With `look` that says what is wrong then, in place of all that is known of ordinary backups. `take_next` backs up
    again in its way; another `backup` without it is looked at alone.
    """
    image = scene.template.with_name("point.image")
    command("cp", "--sparse=always", scene.template, image)
    point_disk = Disk(scene.kind, image, scene.place)
    try:
        point_disk.mount()
        fired, told = _killed(scene, nth, backup or back_up_and_prune)
        if way == POWER_CUT_AFTER_A_SYNC:
            point_disk.commit_names()
        if way != KILL:
            point_disk.cut_power()
        violations = look(scene, told) if look is not None else violations_of(scene, told)
        if backup is None or take_next is not None:
            take_one = take_next or take_here
            violations += violations_of_next(scene, lambda: take_one(scene.folder, scene.source, days=6).snapshot)
        return Point(nth, fired, tuple(violations))
    finally:
        point_disk.unmount()
        image.unlink()


def points(
    scene: Scene,
    way: str,
    *,
    every: int = 1,
    backup: Backup | None = None,
    look: Look | None = None,
    take_next: Take | None = None,
) -> Iterator[Point]:
    """Yield each `every`-th point, until the backup ends before it is killed."""
    for nth in count(1, every):
        point = crash(scene, way, nth, backup=backup, look=look, take_next=take_next)
        yield point
        if not point.fired:
            return


def crash_everywhere(
    kind: str, way: str, folder: Path, *, store_kind: StoreKind = StoreKind.HARDLINK, every: int = 1
) -> tuple[Point, ...]:
    """Return every `every`-th point of a backup, and print a row of the table that `pytest -s` shows."""
    with scene(kind, folder, store_kind=store_kind) as before:
        found = tuple(points(before, way, every=every))
    violations = sum(len(point.violations) for point in found)
    sys.stdout.write(f"\n{kind:6} {store_kind:9} {way:32} {len(found):4} points {violations:3} violations")
    return found


def fill_source(source: Path, number: int) -> None:
    """Make what the Desktop has on a day: files that stay, change, lose a link, only get another mode; odd types."""
    shutil.rmtree(source, ignore_errors=True)
    for each in range(6):
        write(source / f"d{each % 2}" / f"stays{each}", b"stays %d" % each, mode=0o400 if each == 1 else 0o644)
    write(source / "changes", b"day %d " % number * 9000, mtime=1_700_000_000 + number)
    write(source / f"new{number}", b"new" * number)
    write(source / "mode", mode=0o600 if number % 2 else 0o640)
    write(source / "time", mtime=1_600_000_000 + number)
    write(source / "link-a", b"link")
    if number < 5:
        (source / "link-b").hardlink_to(source / "link-a")
    else:
        write(source / "link-b", b"link no more")
    (source / "symlink").symlink_to(f"day{number}")
    os.mkfifo(source / "fifo", 0o600 + number)
    os.setxattr(source / "mode", "user.day", str(number // 2).encode())
    (source / "d1").chmod(0o555)


def take_here(folder: JobFolder, source: Path, *, days: int) -> Run:
    """Take a snapshot of the source and return its Run."""
    published = take(folder, fill_by_rsync(source), sources=(str(source),), at=AT + timedelta(days=days))
    return replace(published.run, run_id=f"day{days}")


def fill_by_rsync(source: Path, *more: str) -> Callable[[Staging], None]:
    """Return what copies `source` with a real rsync in our own process group, and raises an event for each name."""

    def fill(staging: Staging) -> None:
        target = staging.tree / source.relative_to("/")
        link_dests = [f"--link-dest={folder}" for folder in staging.link_dests(str(source))]
        argv = ["rsync", "-aHAX", "-S", "--numeric-ids", "--modify-window=-1", "--outbuf=L", "--out-format=%n"]
        argv += _IN_PLACE if staging.kind is StoreKind.BTRFS else [f"--partial-dir={PARTIAL_FOLDER}"]
        argv += [*more, *FAR_SENDER, *link_dests, "--", f"LC_ALL=C:{source}/", f"{target}/"]
        with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as rsync:
            assert rsync.stdout is not None
            for line in rsync.stdout:
                sys.audit(_RSYNC_SAID, line)
        assert rsync.returncode == 0

    return fill


def broken_off(staging: Staging, source: Path) -> None:
    """Get a part of the source, and half of a file."""
    fill_by_rsync(source, "--exclude=changes")(staging)
    if staging.kind is StoreKind.BTRFS:
        write(staging.tree / source.relative_to("/") / "changes", b"day 3 " * 4000)
        return
    write(staging.tree / source.relative_to("/") / PARTIAL_FOLDER / "changes", b"day 3 " * 4000)


def back_up_and_prune(folder: JobFolder, source: Path, tell: Callable[[str], None]) -> None:
    """Do all that a run does to a store, and say what can be relied upon from then on."""
    run = take_here(folder, source, days=5)
    tell(f"published {run.snapshot}")
    with locked(folder):
        append_run(folder, run)
        tell(f"noted {run.run_id}")
        oldest = list_snapshots(folder)[0].id
        throw_away(folder, [oldest])
        tell(f"pruned {oldest}")
    empty_trash(folder, wait=True)


def _killed(scene: Scene, nth: int, backup: Backup) -> tuple[bool, list[str]]:
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)  # the fork server is a new interpreter
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["lab.crash_points"])
    receiving, sending = context.Pipe(duplex=False)
    child = context.Process(target=_back_up_and_die, args=(scene.folder, scene.source, nth, backup, sending))
    child.start()
    sending.close()
    child.join(_SECONDS)
    assert child.exitcode in (0, -signal.SIGKILL), f"the backup itself failed at point {nth}"
    told = []
    while receiving.poll():
        try:
            told.append(receiving.recv())
        except EOFError:
            break
    receiving.close()
    return child.exitcode != 0, told


def _back_up_and_die(folder: JobFolder, source: Path, nth: int, backup: Backup, told: Connection) -> None:
    os.setsid()  # rsync dies with us
    operations = count(1)

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if _changes(event, arguments, folder) and next(operations) == nth:
            os.killpg(0, signal.SIGKILL)

    sys.addaudithook(hook)
    backup(folder, source, told.send)


def _changes(event: str, arguments: tuple[object, ...], folder: JobFolder) -> bool:
    """Whether an event is an operation: a change of the store, a step of rsync, or what a sync begins with."""
    if event == "open":
        return str(arguments[0]).startswith(str(folder.store)) or bool(int(str(arguments[2])) & os.O_CREAT)
    return event in _WRITES or event == _RSYNC_SAID
