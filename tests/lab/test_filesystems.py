"""The disks that other tests stand on do what they say and leave nothing behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.filesystems import KINDS, command, disk, is_mounted

pytestmark = [pytest.mark.lab, pytest.mark.needs_root]


@pytest.mark.parametrize("kind", KINDS)
def test_a_disk_keeps_what_was_written_and_is_gone_afterwards(tmp_path: Path, kind: str) -> None:
    with disk(kind, tmp_path / "disk") as made:
        (made.folder / "file").write_text("content")
        made.remount()

        assert (made.folder / "file").read_text() == "content"
        assert command("stat", "-f", "-c", "%T", made.folder).strip() in {kind, "ext2/ext3"}

    assert not is_mounted(made.folder)
    assert not made.image.exists()
    assert str(made.image) not in command("losetup", "--all")


def test_a_disk_is_gone_after_a_failure_too(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), disk("ext4", tmp_path / "disk") as made:
        _ = 1 / 0

    assert not is_mounted(made.folder)
    assert str(made.image) not in command("losetup", "--all")


@pytest.mark.parametrize("kind", KINDS)
def test_a_power_cut_loses_what_was_not_synced_and_keeps_what_was(tmp_path: Path, kind: str) -> None:
    with disk(kind, tmp_path / "disk") as made:
        (made.folder / "synced").write_text("content")
        command("sync", "-f", made.folder)
        (made.folder / "not-synced").write_text("content")

        made.cut_power()

        assert [path.name for path in made.folder.iterdir() if path.name != "lost+found"] == ["synced"]
        assert (made.folder / "synced").read_text() == "content"
