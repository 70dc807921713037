"""S2: what a Desktop sends besides plain files has no power on this Server's disk."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from backupjump.config.models import Ownership
from backupjump.rsync.transfer import transfer
from rsync_world import plan_of, remote_shell
from store_world import make_store

pytestmark = [pytest.mark.lab, pytest.mark.needs_root]

SET_UID = 0o4755


def powerful(home: Path) -> Path:
    """Make a program that runs as root for everybody, a disk, a pipe, and a link to a secret."""
    home.mkdir()
    (home / "program").write_text("#!/bin/sh\n")
    (home / "program").chmod(SET_UID)
    os.mknod(home / "disk", 0o060660, os.makedev(8, 0))
    os.mkfifo(home / "pipe")
    (home / "link").symlink_to("/etc/shadow")
    return home


def test_s2_in_a_fake_super_store_nothing_is_more_than_a_plain_file(tmp_path: Path) -> None:
    home, kept = powerful(tmp_path / "home"), tmp_path / "kept"

    transfer(plan_of(home, kept, remote_shell(tmp_path), ownership=Ownership.FAKE_SUPER))

    found = {path.name: path.lstat() for path in kept.iterdir()}
    assert set(found) == {"program", "disk", "pipe", "link"}
    assert all(stat.S_ISREG(each.st_mode) and not each.st_mode & stat.S_ISUID for each in found.values())


def test_s2_in_a_native_store_nobody_but_root_gets_there(tmp_path: Path) -> None:
    folder = make_store(tmp_path / "store")
    folder.make()

    way = (folder.store / folder.desktop, folder.path, folder.snapshots, folder.work, folder.trash)

    assert {each.stat().st_mode & 0o7777 for each in way} == {0o700}
