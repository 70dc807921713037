"""The demo's home is hard to copy, and the same each time."""

from __future__ import annotations

import os
from pathlib import Path

from backupjump.demo.home import change_home, make_home


def listing(home: Path) -> dict[bytes, tuple[int, int, int]]:
    """Return mode, size and mtime of each file below `home`, links included, by its path there."""
    found = {}
    for path in home.rglob("*"):
        if path.is_symlink() or not path.is_dir():
            status = path.lstat()
            found[os.fsencode(path.relative_to(home))] = (status.st_mode, status.st_size, status.st_mtime_ns)
    return found


def homes(tmp_path: Path, *names: str) -> list[Path]:
    made = [tmp_path / name for name in names]
    for home in made:
        home.mkdir()
        make_home(home)
    return made


def test_the_same_seed_gives_the_same_home(tmp_path: Path) -> None:
    one, other = homes(tmp_path, "one", "other")

    assert listing(one) == listing(other)


def test_it_has_what_makes_a_home_hard_to_copy(tmp_path: Path) -> None:
    (home,) = homes(tmp_path, "home")

    found = listing(home)
    odd = home / "odd files"

    assert 300 < len(found) < 500
    assert b"odd names/two\nlines.txt" in found
    assert b"odd names/caf\xe9 in latin-1.txt" in found
    assert max(len(path.rpartition(b"/")[2]) for path in found) == 255
    assert (odd / "first name").stat().st_nlink == 3
    assert (odd / "sparse disk.img").stat().st_blocks * 512 < (odd / "sparse disk.img").stat().st_size / 2
    assert (odd / "to nothing").is_symlink()
    assert not (odd / "to nothing").exists()
    assert list((odd / "empty folder").iterdir()) == []
    assert (odd / "odd time").stat().st_mtime_ns % 1_000_000_000 == 123_456_789
    assert (home / "documents/sealed letter.txt").stat().st_mode & 0o777 == 0


def test_a_changed_home_differs_in_what_was_told_and_nothing_else(tmp_path: Path) -> None:
    (home,) = homes(tmp_path, "home")
    before = listing(home)

    told = change_home(home)

    after = listing(home)
    differ = {os.fsdecode(path) for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    named = {each.path for each in told} | {each.to for each in told if each.to}
    assert all(path in named or str(Path(path).parent) in named for path in differ)
    assert named - {".config/app4"} <= differ
