"""doctor tries the store out: on disks of its own, and with an rsync that does not link."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from backupjump.operations.doctor.finding import FAIL, OK, WARN
from backupjump.operations.doctor.server_store import mount_finding, mount_of
from backupjump.operations.doctor.server_trial import link_finding, try_store
from backupjump.operations.store_init import init_store
from lab.filesystems import command, disk

pytestmark = pytest.mark.lab


def mount(path: Path) -> tuple[str, str]:
    found = mount_finding(path, mount_of(path, Path("/proc/self/mountinfo").read_text()))
    return found.verdict, found.fix


@pytest.mark.needs_root
@pytest.mark.parametrize("kind", ["ext4", "btrfs"])
def test_a_disk_of_its_own_is_tried_and_its_mount_is_mended_as_printed(tmp_path: Path, kind: str) -> None:
    with disk(kind, tmp_path / "store") as made_disk:
        path = made_disk.folder
        made = init_store(path)

        findings = list(try_store(path, made.marker))
        verdict, fix = mount(path)

        assert {each.verdict for each in findings} == {OK}
        assert ("subvolumes" in findings[0].evidence) == (kind == "btrfs")
        assert sorted(each.name for each in path.iterdir() if each.name != "lost+found") == [
            "RESTORE-WITHOUT-BACKUPJUMP.txt",
            "backupjump-store.json",
        ]
        assert verdict == WARN
        command("sh", "-c", fix)
        assert mount(path) == (OK, "")


def test_an_rsync_that_links_nothing_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, rsync = tmp_path / "store", tmp_path / "bin/rsync"
    store.mkdir()
    made = init_store(store, kind="hardlink")
    rsync.parent.mkdir()
    rsync.write_text(
        '#!/bin/sh\nfor word do shift; case $word in --link-dest=*) ;; *) set -- "$@" "$word" ;; esac; done\n'
        f'PATH={os.environ["PATH"]} exec rsync "$@"\n'
    )
    rsync.chmod(0o755)
    good = link_finding(store, made.marker)
    monkeypatch.setenv("PATH", f"{rsync.parent}:{os.environ['PATH']}")

    bad = link_finding(store, made.marker)

    assert (good.verdict, bad.verdict) == (OK, FAIL)
    assert "takes up its full size" in bad.evidence
