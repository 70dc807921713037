"""Files of holes, folders of very many files, as many links as a filesystem allows: through the real program."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from backupjump.demo.lab import Lab
from lab.fault_world import Place
from lab.filesystems import disk
from program import argv, until
from store_world import make_store, rsync_from, take, write

pytestmark = pytest.mark.lab


@pytest.fixture
def place(lab: Lab) -> Place:
    return Place(lab)


def peak_mebibytes(place: Place) -> float:
    """Run the job and return the most memory that our own process had, rsync's not counted."""
    peak = 0.0
    with subprocess.Popen(argv(place.config, "-q", "run", "nightly"), stdin=subprocess.DEVNULL) as run:

        def has_ended() -> bool:
            nonlocal peak
            lines = Path(f"/proc/{run.pid}/status").read_text().splitlines()
            peak = max([peak, *(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))])
            return run.poll() is not None

        until(has_ended, seconds=600, what="the end of the run")
    assert run.returncode == 0
    return peak


def sparse_file_and_full_folder(place: Place, *, mebibytes: int, files: int) -> None:
    """A file with holes and a folder of many files arrive as they are, in little room and memory."""
    with (place.lab.home / "sparse").open("wb") as sparse:
        for part in range(4):
            sparse.seek((mebibytes << 20) // 4 * part)
            sparse.write(os.urandom(4096))
        sparse.truncate(mebibytes << 20)
    (place.lab.home / "full").mkdir()
    for number in range(files):
        (place.lab.home / "full" / f"{number:06}").touch()

    peaks = [peak_mebibytes(place), peak_mebibytes(place)]

    stored = place.folder / "latest/tree" / place.lab.home.relative_to("/")
    assert (stored / "sparse").stat().st_size == mebibytes << 20
    assert (stored / "sparse").stat().st_blocks * 512 < 4 << 20
    assert len(list((stored / "full").iterdir())) == files
    assert max(peaks) < 100, peaks


def test_holes_stay_holes_and_a_folder_of_many_files_takes_little_memory(place: Place) -> None:
    sparse_file_and_full_folder(place, mebibytes=64, files=2000)


@pytest.mark.long
def test_five_gibibytes_of_holes_and_100_000_files_in_one_folder_take_little_memory(place: Place) -> None:
    sparse_file_and_full_folder(place, mebibytes=5 << 10, files=100_000)


@pytest.mark.needs_root
def test_a_file_with_all_the_links_that_ext4_allows_is_copied_and_linked_to_from_then_on(tmp_path: Path) -> None:
    with disk("ext4", tmp_path / "disk") as store_disk:
        folder = make_store(store_disk.folder / "store")
        home = tmp_path / "home"
        write(home / "file")
        first = take(folder, rsync_from(home), sources=(str(home),)).snapshot
        stored = first.tree / home.relative_to("/") / "file"
        use_up_links(stored, store_disk.folder / "others")

        copied, linked = (take(folder, rsync_from(home), sources=(str(home),)).snapshot for _ in range(2))

        files = [each.tree / home.relative_to("/") / "file" for each in (copied, linked)]
        assert [path.read_bytes() for path in files] == [b"content", b"content"]
        assert not files[0].samefile(stored)
        assert files[1].samefile(files[0])


def use_up_links(path: Path, folder: Path) -> None:
    folder.mkdir()
    for number in range(65_000 - path.stat().st_nlink):
        (folder / str(number)).hardlink_to(path)
