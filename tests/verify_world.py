"""A store with three snapshots of one home, a config that reads it, and ways to damage what a snapshot holds."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random

from backupjump.config.models import Ownership
from backupjump.operations.site import Site, open_site
from backupjump.operations.verify.job import verify_job
from backupjump.operations.verify.wish import Verified, Wish
from backupjump.store.layout import JobFolder
from backupjump.store.snapshots import Snapshot, list_snapshots
from store_world import AT, CONFIG, KEY, Fill, make_store, rsync_from, take, write


@dataclass(frozen=True, kw_only=True)
class World:
    """`home` is on the Desktop, `snapshots` are oldest first; the last two share all files with one another."""

    home: Path
    folder: JobFolder
    config: Path

    @property
    def site(self) -> Site:
        return open_site(self.config)

    @property
    def snapshots(self) -> tuple[Snapshot, ...]:
        return list_snapshots(self.folder)

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(snapshot.id for snapshot in self.snapshots)

    def stored(self, name: str, number: int = -1) -> Path:
        """Return where a snapshot, the newest one if not said, has the file `name` of the home."""
        return self.snapshots[number].tree / self.home.relative_to("/") / name

    def path(self, name: str) -> bytes:
        """Return the path of a file of the home as manifests have it."""
        return os.fsencode((self.home / name).relative_to("/"))

    def verify(self, **wish: object) -> Verified:
        """Verify the job in this process."""
        return verify_job(self.site, "nightly", Wish(**wish), random=Random(1))  # type: ignore[arg-type]

    def damaged(self, **wish: object) -> dict[str, str]:
        """Verify, and return what is damaged by its name in the home."""
        start = len(self.path("")) + 1
        outcomes = self.verify(**wish).outcomes
        return {os.fsdecode(each.damage.path[start:]): each.damage.what for each in outcomes}


def make_world(tmp_path: Path, *, ownership: Ownership = Ownership.NATIVE, more: tuple[str, ...] = ()) -> World:
    """Make a home, take three snapshots of it, the second after an edit of `edited`."""
    home = tmp_path / "home"
    for name in ("rotten", "cut", "mode", "time", "gone", "touched", "same", "deep/er/file", "edited"):
        write(home / name, name.encode() * 1000)
    (home / "twin").hardlink_to(home / "rotten")
    (home / "link").symlink_to("same")
    write(home / "script", mode=0o4750)
    write(home / "unwritable", b"u" * 5000, mode=0o400)
    folder = make_store(tmp_path / "store", ownership=ownership)
    fill: Fill = rsync_from(home, *more)
    for number in range(3):
        take(folder, fill, sources=(str(home),), at=AT + timedelta(days=number))
        if number == 0:
            write(home / "edited", b"edited since" * 999)
    config = tmp_path / "backupjump.yaml"
    config.write_text(CONFIG.format(store=folder.store, state=tmp_path / "state", key=KEY))
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs/nightly.yaml").write_text(f"desktop: desktop\nsources: [{home}]\n")
    return World(home=home, folder=folder, config=config)


def rot(path: Path, *, bit: int = 1) -> None:
    """Change a file's content as a failing disk does: same inode, same size, same time."""
    before = path.stat()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= bit
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.write(content)
    path.chmod(before.st_mode & 0o7777)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def flip_in_image(image: Path, content: bytes) -> None:
    """Flip a bit of each copy of `content` in an image behind the back of the filesystem."""
    flipped = bytes([content[0] ^ 1]) + content[1:]
    data = image.read_bytes()
    places = [at for at in range(0, len(data), 4096) if data.startswith(content, at)]
    assert places
    with image.open("r+b") as file:
        for at in places:
            file.seek(at)
            file.write(flipped)
