"""Real filesystems for tests: an image in a file, mounted, cut from its power, mounted again, always cleaned up.

    with disk("ext4", tmp_path / "disk", options=("-N", "400")) as store_disk:
        make_store(store_disk.folder)

A test that uses one is marked `needs_root`.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from program import until

KINDS = ("ext4", "xfs", "btrfs")
# xfs_io's shutdown is an ioctl that btrfs answers with ENOTTY.
SHUTDOWN_KINDS = ("ext4", "xfs")

# mkfs.xfs makes nothing under 300 MB, mkfs.btrfs nothing under 114. The images are sparse.
_MEBIBYTES: Mapping[str, int] = {"ext4": 128, "xfs": 320, "btrfs": 256}
_MKFS: Mapping[str, tuple[str, ...]] = {
    "ext4": ("mkfs.ext4", "-q", "-F"),
    "xfs": ("mkfs.xfs", "-q", "-f"),
    "btrfs": ("mkfs.btrfs", "-q", "-f"),
}
# A process that was just killed may hold the disk for a moment.
_UNMOUNT_SECONDS = 20


@dataclass(frozen=True)
class Disk:
    """A filesystem in the file `image`, mounted at `folder`."""

    kind: str
    image: Path
    folder: Path

    def mount(self, *options: str) -> None:
        """Mount it, by default as a store should be; mount(8) takes a loop device and gives it back at umount."""
        command("mount", "-o", ",".join(("loop", "nosuid", "nodev", *options)), self.image, self.folder)

    def unmount(self) -> None:
        """Unmount it, also right after a kill."""
        if is_mounted(self.folder):
            until(lambda: _unmounts(self.folder), seconds=_UNMOUNT_SECONDS, what=f"unmounting {self.folder}")

    def remount(self, *options: str) -> None:
        """Take it out and put it back: nothing of it is in memory then."""
        self.unmount()
        self.mount(*options)

    def commit_names(self) -> None:
        """Have another program bring the filesystem's log to the disk: all names, sizes and times, not our data."""
        if self.kind == "btrfs":
            command("btrfs", "subvolume", "create", self.folder / "another")
            command("btrfs", "subvolume", "snapshot", self.folder / "another", self.folder / "its-copy")
        else:
            command("dd", "if=/dev/zero", f"of={self.folder}/another", "bs=1", "count=1", "conv=fsync")

    def cut_power(self) -> None:
        """Lose at once what is not on the disk, its log included; then mount it again, as after a power cut."""
        if self.kind in SHUTDOWN_KINDS:
            shutdown(self.folder)
            self.remount()
            return
        # What has reached the image so far is what the disk holds; unmounting brings more, so that is undone.
        cut = self.image.with_name(f"{self.image.name}.cut")
        command("cp", "--sparse=always", self.image, cut)
        self.unmount()
        cut.replace(self.image)
        self.mount()


@contextmanager
def disk(
    kind: str, folder: Path, *, mebibytes: int | None = None, options: Sequence[str] = (), image: Path | None = None
) -> Iterator[Disk]:
    """Make a filesystem and give it mounted at `folder`, which is made if need be; mkfs gets `options`.

    The image lies beside `folder`, or at `image`, and is deleted at the end.
    """
    image = image or folder.with_name(f"{folder.name}.image")
    with image.open("xb") as file:
        file.truncate((mebibytes or _MEBIBYTES[kind]) << 20)
    made = Disk(kind, image, folder)
    try:
        command(*_MKFS[kind], *options, image)
        folder.mkdir(parents=True, exist_ok=True)
        made.mount()
        yield made
    finally:
        _let_go(made)
        image.unlink()


def is_mounted(folder: Path) -> bool:
    """Whether a filesystem is mounted at `folder`; os.path.ismount can't tell of one that was shut down."""
    return str(folder) in (line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines())


def shutdown(mount_point: Path) -> None:
    """Stop the ext4 or xfs at `mount_point` without flushing its log; all that is left to do is to unmount it."""
    command("xfs_io", "-x", "-c", "shutdown", mount_point)


def command(*argv: str | Path) -> str:
    """Run a command of the system and return what it printed; it must succeed."""
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, (argv, done.stderr)
    return done.stdout


def _unmounts(folder: Path) -> bool:
    return subprocess.run(["umount", folder], capture_output=True, timeout=60, check=False).returncode == 0


def _let_go(made: Disk) -> None:
    try:
        made.unmount()
    except AssertionError:
        # Somebody still uses it: out of sight at least, and gone with its last user.
        subprocess.run(["umount", "--lazy", made.folder], check=False, timeout=60)
        raise
