"""Filesystems on images in files, for the machines of the lab: new each time, and gone with the last who uses them."""

from __future__ import annotations

import subprocess
from pathlib import Path

from lab.filesystems import command
from lab.machines import Machine

# One inode for 8 KiB: as mkfs.ext4 has it, 16, is too few for small files in many snapshots of folders.
MKFS = {"ext4": ("mkfs.ext4", "-q", "-F", "-i", "8192"), "btrfs": ("mkfs.btrfs", "-q", "-f")}
# Else the kernel goes on to write the inode tables for minutes, beside what is measured.
_OPTIONS = {"ext4": "noinit_itable,nosuid,nodev", "btrfs": "nosuid,nodev"}


def attach(kind: str, image: Path, *, gigabytes: float, machine: Machine, folder: str) -> None:
    """Make a filesystem in `image` and mount it on a machine; nothing is left of it once it is unmounted there.

    The image has no name any more then, and the loop device frees itself: whoever is killed leaves nothing behind.
    Source: losetup(8), --detach, "lazy device destruction".
    """
    with image.open("xb") as file:
        file.truncate(int(gigabytes * (1 << 30)))
    try:
        command(*MKFS[kind], image)
        device = command("losetup", "--find", "--show", image).strip()
        try:
            # Else all that is written lies in memory twice. Not every disk can do without.
            subprocess.run(["losetup", "--direct-io=on", device], check=False, stderr=subprocess.DEVNULL)
            machine.must(f"mkdir -p {folder} && mount -t {kind} -o {_OPTIONS[kind]} {device} {folder}")
        finally:
            command("losetup", "--detach", device)
    finally:
        image.unlink()


def detach(machine: Machine, folder: str) -> None:
    """Unmount what is mounted there, if anything is."""
    machine.must(f"if mountpoint -q {folder}; then umount {folder}; fi")
