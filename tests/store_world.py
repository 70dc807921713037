"""A store for tests, and snapshots taken into it without any Desktop."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from backupjump.config.models import PARTIAL_FOLDER, Ownership, StoreKind
from backupjump.process import run
from backupjump.run import Run, Status
from backupjump.store.layout import JobFolder
from backupjump.store.lock import locked
from backupjump.store.marker import Marker, write_marker
from backupjump.store.move import move_job
from backupjump.store.publish import Published, publish, record
from backupjump.store.runs import append_run
from backupjump.store.stage import stage
from backupjump.store.staging import Staging
from backupjump.store.store import Store, open_store
from backupjump.store.trash import empty_trash, throw_away

AT = datetime(2026, 11, 22, 2, 30, tzinfo=UTC)
MARKER = Marker(
    format=1,
    uuid="0b6ef0a5-3b0c-4c3e-9a39-6a0f0d1c2b3a",
    timezone="Europe/Paris",
    ownership=Ownership.NATIVE,
    hard_links=True,
    xattrs=True,
    acls=True,
    nanoseconds=True,
    created_at=AT,
)
RUN = Run(
    run_id="r1",
    job="nightly",
    desktop="desktop",
    route="local",
    status=Status.OK,
    exit_code=0,
    snapshot=None,
    started_at=AT,
    ended_at=AT,
    attempts=1,
)

Fill = Callable[[Staging], object]


def make_store(
    path: Path, *, ownership: Ownership = Ownership.NATIVE, kind: StoreKind = StoreKind.HARDLINK
) -> JobFolder:
    """Make the folder `path` a store and return where its one job lies."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_marker(path, replace(MARKER, ownership=ownership, kind=kind))
    return JobFolder(path, "desktop", "nightly")


@contextmanager
def opened(folder: JobFolder) -> Iterator[Store]:
    """Open the store and hold the job's lock."""
    with open_store(folder.store, uuid=MARKER.uuid) as store, locked(folder):
        yield store


def attempt(folder: JobFolder, fill: Fill, *, sources: tuple[str, ...] = ("/home/me",)) -> Staging:
    """Begin a snapshot and break off after `fill`."""
    with opened(folder) as store:
        staging = stage(store, folder, sources=sources, run_id="r1", now=AT)
        fill(staging)
        return staging


def take(
    folder: JobFolder,
    fill: Fill,
    *,
    sources: tuple[str, ...] = ("/home/me",),
    status: Status = Status.OK,
    hashes: Mapping[bytes, str] | None = None,
    at: datetime = AT,
    run: Run = RUN,
) -> Published:
    """Take a snapshot of what `fill` puts into the tree."""
    with opened(folder) as store:
        staging = stage(store, folder, sources=sources, run_id="r1", now=at)
        fill(staging)
        recorded = record(store, staging, hashes=hashes or {})
        return publish(store, recorded, run=replace(run, status=status), how={"rsync": "3.5.0"})


# A Server's config for commands that only read the store: no key is there, and none is needed.
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE9MNbgCyhlBvqTdR4wOBKoqRCXhPbuzVPYSDwqAeS+h"
CONFIG = """
store: {{path: {store}}}
state_dir: {state}
jump_nodes:
  jumpnode: {{host: jumpnode.domain.ext, user: bjserver, identity_file: /no/such/key, host_key: {key}}}
desktops:
  desktop: {{jump_node: jumpnode, port: 2020, user: me, identity_file: /no/such/key, host_key: {key}}}
"""

# The sender is a remote one, which `env` starts right here: in a local copy --fake-super holds on both
# ends, and rsync 3.2.7 takes a wrong target when -M says otherwise. Source: rsync(1), --fake-super.
FAR_SENDER = ("-s", "--rsh=env")


def rsync_from(source: Path, *more: str) -> Fill:
    """Return what copies `source` as a pull does, to its own path in the tree, with all --link-dest."""

    def fill(staging: Staging) -> None:
        link_dests = [f"--link-dest={folder}" for folder in staging.link_dests(str(source))]
        target = staging.tree / source.relative_to("/")
        argv = ["rsync", "-aHAX", "-S", "--numeric-ids", "--modify-window=-1", *FAR_SENDER, *link_dests, *more]
        done = run([*argv, "--", f"LC_ALL=C:{source}/", f"{target}/"], timeout=60)
        assert done.status == 0, done.stderr

    return fill


WRITTEN_AT = 1_700_000_000


def write(path: Path, content: bytes = b"content", *, mode: int = 0o644, mtime: int = WRITTEN_AT) -> Path:
    """Write a file with everything about it fixed, its folders made as needed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)
    os.utime(path, (mtime, mtime))
    return path


_WRITES = frozenset(
    {"open", "os.chmod", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink", "os.utime"}
)


def take_and_die(folder: JobFolder, fill: Fill, *, nth: int) -> None:
    """Take a snapshot, killed right before the `nth` of all operations that could change the store."""
    die_before(nth)
    take(folder, fill)


def run_and_die(folder: JobFolder, fill: Fill, *, by: Run, nth: int) -> None:
    """Take a snapshot and note its Run, killed right before the `nth` of all operations that could change the store."""
    die_before(nth)
    append_run(folder, take(folder, fill, run=by).run)


def prune_and_die(folder: JobFolder, ids: tuple[str, ...], *, nth: int) -> None:
    """Prune snapshots, killed right before the `nth` of all operations that could change the store."""
    die_before(nth)
    with locked(folder):
        throw_away(folder, ids)
    empty_trash(folder, wait=True)


def rename_and_die(old: JobFolder, new: JobFolder, *, nth: int) -> None:
    """Rename a job, killed right before the `nth` of all operations that could change the store."""
    with locked(old):
        die_before(nth)
        move_job(old, new)


def die_before(nth: int) -> None:
    """Kill this process right before the `nth` of all operations that could change the store."""
    operations = count(1)

    def hook(event: str, _arguments: object) -> None:
        if event in _WRITES and next(operations) == nth:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def a_few_files(staging: Staging) -> None:
    """Link one file where there is one of its time, as rsync does; write one, leave a half-written one."""
    here = staging.tree / "home/me"
    for dest in staging.link_dests("/home/me")[:1]:
        if (dest / "linked").stat().st_mtime == WRITTEN_AT:
            (here / "linked").hardlink_to(dest / "linked")
    write(here / "new", staging.id.encode())
    if not (here / "linked").exists():
        write(here / "linked", mode=0o400)
    write(here / "deep" / PARTIAL_FOLDER / "half")
    (here / "deep").chmod(0o555)
