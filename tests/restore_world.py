"""A Desktop's files with every oddity, a snapshot of them made by the store's own code, and a way to compare trees."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from backupjump.config.models import Ownership
from backupjump.operations.restore.decisions import Mode
from backupjump.operations.restore.job import Restored, restore
from backupjump.operations.restore.plan import RestorePlan, plan_restore
from backupjump.operations.snapshot_paths import desktop_path
from backupjump.run import Run, Status
from backupjump.store.layout import JobFolder
from backupjump.store.marker import STORE_FORMAT, Marker, write_marker
from backupjump.store.probe import probe
from backupjump.store.publish import publish, record
from backupjump.store.stage import stage
from backupjump.store.store import open_store
from store_world import FAR_SENDER

if TYPE_CHECKING:
    from backupjump.store.snapshots import Snapshot

ROOT = os.geteuid() == 0
HOME = "home/me"
ODD_NAMES = (
    b"new\nline",
    b"escape\x1b[31m",
    "bidi\u202egpj.exe".encode(),
    b"not utf-8 \xff\xfe",
    b"-rf",
    b"--delete",
    b"#hash",
    b";semicolon",
    b"*",
    b"\\#012",
    b" blanks ",
    "ümläut".encode(),
    b"l" * 255,
)
_TIME_NS = 1_600_000_000_123_456_789


@dataclass(frozen=True, kw_only=True)
class World:
    """Where the Desktop's files, the store and its one snapshot are; restore into `target`, which is not there yet."""

    desktop: Path
    store: Path
    marker: Marker
    snapshot: Snapshot
    target: Path

    @property
    def source(self) -> bytes:
        """The folder that was backed up."""
        return os.fsencode(self.desktop / HOME)


def make_world(tmp_path: Path, ownership: Ownership = Ownership.NATIVE) -> World:
    """Fill a Desktop's home, make a store and publish a snapshot of it."""
    desktop, store = tmp_path / "desktop", tmp_path / "store"
    store.mkdir()
    fill_home(desktop / HOME)
    found = probe(store)
    marker = Marker(
        format=STORE_FORMAT,
        uuid=str(uuid4()),
        timezone="Europe/Paris",
        ownership=ownership,
        hard_links=True,
        xattrs=found.xattrs,
        acls=found.acls,
        nanoseconds=found.nanoseconds,
        created_at=datetime.now(UTC),
    )
    write_marker(store, marker)
    snapshot = take_snapshot(store, desktop, marker)
    return World(desktop=desktop, store=store, marker=marker, snapshot=snapshot, target=tmp_path / "target")


def planned(world: World, *paths: str, mode: Mode = Mode.NEW_ONLY, target: Path | None = None) -> RestorePlan:
    """Return the plan of a restore of `paths` as they are typed."""
    wanted = [desktop_path(path) for path in paths]
    return plan_restore(
        world.snapshot, world.marker, wanted, store=world.store, target=target or world.target, mode=mode
    )


def bring_back(world: World, *paths: str, mode: Mode = Mode.NEW_ONLY, target: Path | None = None) -> Restored:
    """Plan a restore and carry it out."""
    return restore(planned(world, *paths, mode=mode, target=target))


def take_snapshot(store: Path, desktop: Path, marker: Marker) -> Snapshot:
    """Publish a snapshot of the Desktop's home as a run would."""
    folder = JobFolder(store, "desktop", "nightly")
    folder.make()
    now = datetime(2026, 11, 22, 2, 30, tzinfo=UTC)
    run = Run(
        run_id="run-1",
        job="nightly",
        desktop="desktop",
        route="proxyjump",
        status=Status.OK,
        exit_code=0,
        snapshot=None,
        started_at=now,
        ended_at=now,
        attempts=1,
    )
    kept = {
        Ownership.NATIVE: ["-aHAX", "--numeric-ids"],
        Ownership.FAKE_SUPER: ["-aHAX", "--numeric-ids", "--fake-super"],
        Ownership.PLAIN: ["-aH"],
    }[marker.ownership]
    with open_store(store, uuid=marker.uuid) as opened:
        staging = stage(opened, folder, sources=[f"/{HOME}"], run_id=run.run_id, now=now)
        argv = ["rsync", *kept, "-S", *FAR_SENDER, "--", f"LC_ALL=C:{desktop / HOME}/", f"{staging.tree / HOME}/"]
        subprocess.run(argv, check=True)
        return publish(opened, record(opened, staging, hashes={}), run=run, how={}).snapshot


def fill_home(home: Path) -> None:
    """Make the files of someone who uses everything that a file system has."""
    (home / "docs" / "deep" / "er").mkdir(parents=True)
    (home / "docs" / "plain.txt").write_text("plain")
    (home / "docs" / "deep" / "er" / "letter.txt").write_text("dear")
    os.link(home / "docs" / "plain.txt", home / "docs" / "twin.txt")
    os.link(home / "docs" / "plain.txt", home / "docs" / "deep" / "triplet.txt")
    (home / "docs" / "script").write_text("#!/bin/sh\n")
    (home / "docs" / "script").chmod(0o4750)
    (home / "links").mkdir()
    (home / "links" / "absolute").symlink_to("/etc/passwd")
    (home / "links" / "relative").symlink_to("../docs")
    (home / "links" / "dangling").symlink_to("nowhere")
    (home / "odd").mkdir()
    for name in ODD_NAMES:
        Path(os.fsdecode(os.fsencode(home / "odd") + b"/" + name)).write_bytes(name)
    with (home / "sparse").open("wb") as file:
        file.truncate(16 << 20)
        file.seek(8 << 20)
        file.write(b"in the middle")
    os.mkfifo(home / "fifo")
    _make_socket(home / "socket")
    (home / "empty").mkdir()
    (home / "read-only").mkdir()
    (home / "read-only" / "kept.txt").write_text("kept")
    _set_attributes(home)


def _make_socket(path: Path) -> None:
    # The address of a socket is short: it is made by its name alone.
    before = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(before)


def _set_attributes(home: Path) -> None:
    os.setxattr(home / "docs" / "plain.txt", "user.colour", b"red")
    os.setxattr(home / "docs" / "deep", "user.colour", b"blue")
    subprocess.run(["setfacl", "-m", "u:12345:r", home / "docs" / "deep" / "er" / "letter.txt"], check=True)
    subprocess.run(["setfacl", "-d", "-m", "u:12345:rx", home / "empty"], check=True)
    if ROOT:
        os.mknod(home / "device", 0o640 | stat.S_IFCHR, os.makedev(1, 3))
        os.chown(home / "docs" / "script", 1234, 4321)
        (home / "docs" / "script").chmod(0o4750)
        os.chown(home / "links" / "absolute", 1234, 4321, follow_symlinks=False)
        os.chown(home / "docs", 1234, 4321)
    (home / "docs").chmod(0o750)
    (home / "read-only").chmod(0o555)
    for number, path in enumerate(sorted(home.rglob("*"), reverse=True)):
        at = _TIME_NS + number * 1_000_000_007
        os.utime(path, ns=(at, at), follow_symlinks=False)
    os.utime(home, ns=(_TIME_NS, _TIME_NS))
